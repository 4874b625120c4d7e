/** What a job is doing, in the words of its users. `done`, `dead` and `cancelled` are final, unless somebody redrives it. */
export const jobStates = ['scheduled', 'queued', 'running', 'waiting', 'done', 'dead', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

/** Those in which a job has still to end; a dead one may be among those too (`held`). */
export const openStates: readonly JobState[] = ['scheduled', 'queued', 'running', 'waiting'];

export function isFinal(state: JobState): boolean {
  return state === 'done' || state === 'dead' || state === 'cancelled';
}

/** The state of a job that stands in the waiting room for `reason`; reasons are open: a later version may know more. */
export function stateOfWait(reason: string | null): JobState {
  switch (reason) {
    case 'scheduled':
      return 'scheduled';
    case 'running':
      return 'running';
    // Buried, and its lane is closed until somebody redrives or discards it.
    case 'held':
      return 'dead';
    default:
      return 'waiting';
  }
}

/** A job that was to start at a time that has come is queued, though nobody wrote that down. */
export function stateAt(state: JobState, dueMs: number | null, nowMs: number): JobState {
  return state === 'scheduled' && dueMs !== null && dueMs <= nowMs ? 'queued' : state;
}

/** A state with its reason, where that says more: "waiting (retry)", but "cancelled". */
export function stateText({ state, reason }: { readonly state: JobState; readonly reason: string | null }): string {
  return reason === null || reason === state ? state : `${state} (${reason})`;
}
