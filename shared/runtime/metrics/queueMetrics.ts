import { boundCode } from './boundCode.ts';
import type { Count, TalliedCounter } from './talliedCounter.ts';
import type { Tally, TalliedHistogram } from './talliedHistogram.ts';

const attemptEnds = ['done', 'retry', 'snooze', 'dead', 'interrupted'] as const;
type AttemptEnd = (typeof attemptEnds)[number];

/** The state of a queue on this worker, read when somebody scrapes. */
export interface QueueReading {
  readonly running: number;
  readonly ready: boolean;
  readonly partitions: number;
  /** Of these, those that do not move on until somebody helps. */
  readonly standing: number;
  readonly lag: number;
  readonly frontierSpan: number;
  readonly roomBytes: number;
  /** Partitions whose rooms are full: they take nothing in. */
  readonly roomsFull: number;
  /** Waiting jobs whose bodies lie on disk, and what they take there. */
  readonly spilledJobs: number;
  readonly spilledBytes: number;
  /** Jobs by waiting reason (a closed set). */
  readonly waiting: ReadonlyMap<string, number>;
}

/** Counts what happens in one queue. {@link attemptEnded} is called for each job: it allocates nothing. */
export interface QueueMetrics {
  attemptEnded(kind: string, end: AttemptEnd, durationMs: number): void;
  buried(kind: string, reason: string): void;
  effectEnded(kind: string, end: 'landed' | 'suppressed' | 'refused'): void;
  spillFailed(): void;
  lockBusy(kind: string): void;
  attemptAbandoned(kind: string): void;
  sandboxDied(kind: string): void;
  commitFailed(code: string): void;
  publishRefused(stream: string, code: string): void;
  partitionsAssigned(count: number): void;
  partitionsLost(count: number): void;
  schemaUnavailable(): void;
  trouble(): void;
  /** Where the gauges come from; the latest reader counts. Returns how to take it away. */
  watch(read: () => QueueReading): () => void;
}

/** The metrics that all queues share, apart by the label `queue`. */
export interface QueueFamilies {
  readonly ended: TalliedCounter;
  readonly buried: TalliedCounter;
  readonly effects: TalliedCounter;
  readonly spillFailures: TalliedCounter;
  readonly locksBusy: TalliedCounter;
  readonly abandoned: TalliedCounter;
  readonly sandboxDeaths: TalliedCounter;
  readonly commitFailures: TalliedCounter;
  readonly publishFailures: TalliedCounter;
  readonly rebalances: TalliedCounter;
  readonly schemaWaits: TalliedCounter;
  readonly troubles: TalliedCounter;
  readonly durations: TalliedHistogram;
}

const UNKNOWN = 'unknown';

export function createQueueMetrics(families: QueueFamilies, queue: string, kinds: Iterable<string>, watch: QueueMetrics['watch']): QueueMetrics {
  const ofKind = (kind: string): { readonly ended: Readonly<Record<AttemptEnd, Count>>; readonly durations: Tally } => ({
    ended: Object.fromEntries(attemptEnds.map((end) => [end, families.ended.count(queue, kind, end)])) as Record<AttemptEnd, Count>,
    durations: families.durations.tally({ queue, kind }),
  });
  const known = new Map([...kinds].map((kind) => [kind, ofKind(kind)]));
  const unknown = ofKind(UNKNOWN);
  const labelOf = (kind: string): string => (known.has(kind) ? kind : UNKNOWN);
  const schemaWaits = families.schemaWaits.count(queue);
  const troubles = families.troubles.count(queue);
  const spillFailures = families.spillFailures.count(queue);

  return {
    attemptEnded(kind, end, durationMs) {
      const { ended, durations } = known.get(kind) ?? unknown;
      ended[end].value += 1;
      durations.observe(durationMs / 1000);
    },
    buried: (kind, reason) => { families.buried.count(queue, labelOf(kind), reason).value += 1; },
    effectEnded: (kind, end) => { families.effects.count(queue, labelOf(kind), end).value += 1; },
    spillFailed: () => { spillFailures.value += 1; },
    lockBusy: (kind) => { families.locksBusy.count(queue, labelOf(kind)).value += 1; },
    attemptAbandoned: (kind) => { families.abandoned.count(queue, labelOf(kind)).value += 1; },
    sandboxDied: (kind) => { families.sandboxDeaths.count(queue, labelOf(kind)).value += 1; },
    commitFailed: (code) => { families.commitFailures.count(queue, boundCode(code)).value += 1; },
    publishRefused: (stream, code) => { families.publishFailures.count(queue, stream, boundCode(code)).value += 1; },
    partitionsAssigned: (count) => { families.rebalances.count(queue, 'assigned').value += count; },
    partitionsLost: (count) => { families.rebalances.count(queue, 'lost').value += count; },
    schemaUnavailable: () => { schemaWaits.value += 1; },
    trouble: () => { troubles.value += 1; },
    watch,
  };
}
