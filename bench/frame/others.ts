/** A figure of every row: cores that others on this machine kept busy meanwhile. Figures of a machine that is shared are to be read with care. */
export const OTHERS = 'others';
