/** A module that forgot its handler. */
export const handler = 'elsewhere';
