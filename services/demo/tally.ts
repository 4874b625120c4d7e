import type { WitnessLine } from '../../examples/flights/witness.ts';
import { runOf } from '../../examples/flights/jobId.ts';

/** Counts what happens to the jobs of one run while it goes on. */
export interface Tally {
  readonly enqueued: (count: number) => void;
  /** What the witness recorded, in any run. */
  recorded(run: string, line: WitnessLine): void;
  /** A job on its way to the dead-letter topic; may be told several times. */
  buried(jobId: string): void;
  read(): TallyReading;
}

export interface TallyReading {
  readonly enqueued: number;
  readonly running: number;
  readonly done: number;
  readonly buried: number;
  /** Jobs that failed at least once. */
  readonly retried: number;
  readonly failedAttempts: number;
  /** Jobs of earlier runs that ended meanwhile. */
  readonly earlier: number;
}

export function createTally(run: string): Tally {
  const done = new Set<string>();
  const retried = new Set<string>();
  const buried = new Set<string>();
  let enqueued = 0;
  let running = 0;
  let failedAttempts = 0;
  let earlier = 0;
  return {
    enqueued: (count) => { enqueued += count; },
    recorded(ofRun, line) {
      if (line.at === 'start') running += 1;
      if (line.at !== 'end') return;
      running -= 1;
      if (ofRun !== run) {
        if (line.outcome !== 'failed') earlier += 1;
        return;
      }
      const job = `${line.airport}/${line.sequence}`;
      switch (line.outcome) {
        case 'done':
          done.add(job);
          return;
        case 'failed':
          failedAttempts += 1;
          retried.add(job);
          return;
        case 'dead':
          return;
      }
    },
    buried(jobId) { if (runOf(jobId) === run) buried.add(jobId); },
    read: () => ({ enqueued, running, done: done.size, buried: buried.size, retried: retried.size, failedAttempts, earlier }),
  };
}
