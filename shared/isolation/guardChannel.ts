/** The file descriptor that joins a worker and the guard of its sandbox; whoever ends closes it. */
export const GUARD_FD = 3;

/** What the guard says before it ends the process for its memory. */
export const OUT_OF_MEMORY = 'M';
