/** The highest lease epoch that anybody is believed, in a record or in a commit. Owners count from 1; a number near the last that can be read would leave the next owner none. */
export const MAX_EPOCH = 2 ** 48;
