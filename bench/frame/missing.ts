/** A server that this machine does not have: its contestants are left out. The message says what to install. */
export class Missing extends Error {}
