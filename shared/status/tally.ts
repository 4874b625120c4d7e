import type { Fact } from './fact.ts';
import type { JobRow } from './jobRow.ts';
import type { JobState } from './jobState.ts';

/** What is counted of each minute. */
export const minuteColumns = ['enqueued', 'started', 'done', 'dead', 'waited', 'cancelled'] as const;
export type MinuteColumn = (typeof minuteColumns)[number];
export type MinuteCounts = Readonly<Record<MinuteColumn, number>>;

const MINUTE_MS = 60_000;

/** Counts what one transaction changes: how many jobs stand in which state, and what happened in which minute. */
export interface Tally {
  /** A fact turned `before` into `after`. */
  add(before: JobRow | null, after: JobRow, fact: Fact): void;
  readonly states: readonly { readonly partition: number; readonly kind: string; readonly state: JobState; readonly jobs: number }[];
  readonly minutes: readonly ({ readonly partition: number; readonly minuteMs: number; readonly kind: string } & MinuteCounts)[];
}

type MutableCounts = { -readonly [C in MinuteColumn]: number };

export function createTally(): Tally {
  const states = new Map<string, { partition: number; kind: string; state: JobState; jobs: number }>();
  const minutes = new Map<string, { partition: number; minuteMs: number; kind: string } & MutableCounts>();

  const stand = ({ partition, kind, state }: JobRow, by: number): void => {
    const name = `${partition}/${state}/${kind ?? ''}`;
    const found = states.get(name);
    if (found === undefined) states.set(name, { partition, kind: kind ?? '', state, jobs: by });
    else found.jobs += by;
  };
  const happen = ({ partition, kind }: JobRow, atMs: number, column: MinuteColumn): void => {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    const name = `${partition}/${minuteMs}/${kind ?? ''}`;
    let found = minutes.get(name);
    if (found === undefined) {
      found = { partition, minuteMs, kind: kind ?? '', enqueued: 0, started: 0, done: 0, dead: 0, waited: 0, cancelled: 0 };
      minutes.set(name, found);
    }
    found[column]++;
  };

  return {
    add(before, after, fact) {
      if (before === null || before.state !== after.state || before.kind !== after.kind) {
        if (before !== null) stand(before, -1);
        stand(after, 1);
      }
      const column = columnOf(fact);
      if (column !== null) happen(after, fact.type === 'enqueued' ? fact.enqueuedMs : fact.atMs, column);
    },
    get states() { return [...states.values()].filter(({ jobs }) => jobs !== 0); },
    get minutes() { return [...minutes.values()]; },
  };
}

function columnOf(fact: Fact): MinuteColumn | null {
  if (fact.type === 'enqueued') return 'enqueued';
  if (fact.type !== 'event') return null;
  switch (fact.event) {
    case 'started':
    case 'done':
    case 'cancelled':
      return fact.event;
    case 'buried':
      return 'dead';
    case 'discarded':
    case 'duplicate':
      return 'cancelled';
    case 'waiting':
      // A line-up behind another job is no failure, and a held job is counted as dead already.
      return fact.error === null || fact.reason === 'behind' || fact.reason === 'held' ? null : 'waited';
    default:
      return null;
  }
}
