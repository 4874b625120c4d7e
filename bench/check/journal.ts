/** How a run of a handler ended: `again`: it failed, and the job is to be tried again. `dead`: it said that trying again is of no use. */
export const endings = ['done', 'again', 'dead'] as const;
export type Ending = (typeof endings)[number];

/** Runs of handlers as numbers: sequence, start, end, ending. It is on the measured path, so it must cost nearly nothing. */
const WIDTH = 4;

export interface Run {
  readonly sequence: number;
  /** Ms of the machine's own clock, comparable between processes. */
  readonly startMs: number;
  readonly endMs: number;
  readonly ending: Ending;
}

export interface Journal {
  /** Appends a run that has ended. */
  note(sequence: number, startMs: number, endMs: number, ending: Ending): void;
  readonly runs: number;
  /** The rows so far, to be sent to another process. */
  rows(): Float64Array;
}

export function createJournal(expected: number): Journal {
  let rows = new Float64Array(Math.max(16, expected) * WIDTH);
  let used = 0;
  return {
    note(sequence, startMs, endMs, ending) {
      if (used === rows.length) {
        const larger = new Float64Array(rows.length * 2);
        larger.set(rows);
        rows = larger;
      }
      rows[used] = sequence;
      rows[used + 1] = startMs;
      rows[used + 2] = endMs;
      rows[used + 3] = ending === 'done' ? 0 : ending === 'again' ? 1 : 2;
      used += WIDTH;
    },
    get runs() { return used / WIDTH; },
    rows: () => rows.slice(0, used),
  };
}

export function readRows(rows: Float64Array): Run[] {
  return Array.from({ length: rows.length / WIDTH }, (_, index) => {
    const at = index * WIDTH;
    return { sequence: rows[at] ?? 0, startMs: rows[at + 1] ?? 0, endMs: rows[at + 2] ?? 0, ending: endings[rows[at + 3] ?? 0] ?? 'done' };
  });
}
