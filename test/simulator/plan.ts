/** Everything that a run is made of, as data: so a failing one can be made smaller, printed and kept. All times are ms from the start. */
export interface Plan {
  readonly seed: number;
  readonly settings: Settings;
  readonly kinds: readonly KindPlan[];
  readonly jobs: readonly JobPlan[];
  readonly poison: readonly PoisonPlan[];
  readonly workers: readonly WorkerPlan[];
  readonly faults: readonly FaultPlan[];
  readonly operator: readonly OperatorPlan[];
}

export interface Settings {
  readonly partitions: number;
  /** Faults and enqueues end by then; what follows is healing. */
  readonly troubleMs: number;
  readonly latencyMs: number;
  /** Share of appends that leave an offset without a record behind them. */
  readonly gapShare: number;
  readonly concurrency: number;
  readonly flushIntervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly abortGraceMs: number;
  readonly frontierPatienceMs: number;
  readonly intakeJobs: number;
  readonly maxBytesPerPartition: number;
  /** Bodies of waiting jobs beyond so many bytes lie on a simulated disk, which refuses some writes; left out: there is none. */
  readonly spillOverBytes?: number;
  /** `min.compaction.lag.ms` and `delete.retention.ms` of the retry topics. */
  readonly compactionLagMs: number;
}

/** Kinds of one group have the same rules and share their entities; entities of different groups never meet in a lane. */
export interface KindPlan {
  readonly kind: string;
  readonly queue: string;
  readonly group: string;
  readonly order: 'strict' | 'relaxed' | 'none';
  readonly whenBuried: 'continue' | 'hold';
  readonly delivery: 'at-least-once' | 'at-most-once';
  readonly attempts: number;
  readonly backoff: { readonly firstMs: number; readonly factor: number; readonly maxMs: number };
  readonly timeoutMs: number;
  readonly batch: { readonly maxSize: number; readonly maxWaitMs: number } | null;
  /** Workers of the old version do not know it. */
  readonly isNew: boolean;
}

export interface JobPlan {
  readonly serial: number;
  readonly kind: string;
  /** Null: no key, so no order. */
  readonly entity: string | null;
  readonly atMs: number;
  /** Scheduled so long after its enqueue; 0: at once. */
  readonly delayMs: number;
  /** Given where two jobs shall bear one id. */
  readonly id: string | null;
  /** Written in a version of the schema that no worker knows at its start. */
  readonly newerSchema: boolean;
  /** What its attempts come to, one after the other; later ones succeed at once. */
  readonly fates: readonly Fate[];
}

export interface Fate {
  readonly workMs: number;
  readonly says: 'done' | 'retry' | 'retry-after' | 'throw' | 'permanent' | 'dead' | 'snooze' | 'hang' | 'deaf' | 'bad-answer';
  /** For `retry-after` and `snooze`. */
  readonly waitMs: number;
}

/** A record that can never run. */
export interface PoisonPlan {
  readonly atMs: number;
  readonly queue: string;
  readonly kind: string | null;
  readonly entity: string;
  readonly flaw: 'null' | 'empty' | 'magic' | 'truncated' | 'unknown-schema' | 'text';
}

export interface WorkerPlan {
  readonly id: string;
  readonly atMs: number;
  readonly version: 'old' | 'new';
}

export type StreamName = 'main' | 'retry' | 'dlq' | 'events';

export type FaultPlan = { readonly atMs: number; readonly forMs: number } & (
  /** Strikes the n-th of those that live then. */
  | { readonly type: 'kill' | 'freeze' | 'disconnect' | 'expel' | 'stop'; readonly nth: number }
  | { readonly type: 'join' | 'deploy' | 'compact' | 'expire' | 'skip-offsets' }
  | { readonly type: 'jump'; readonly nth: number; readonly byMs: number }
  | { readonly type: 'registry'; readonly how: 'down' | 'slow' | 'hanging' }
  | { readonly type: 'produce'; readonly stream: StreamName; readonly queue: string; readonly partition: number | null; readonly how: 'refuse' | 'lose' | 'late' | 'delay' | 'double' | 'hold' | 'stall'; readonly share: number }
  | { readonly type: 'commit'; readonly how: 'refuse' | 'rebalancing' | 'lose' | 'hold' | 'stall'; readonly share: number }
  | { readonly type: 'fetch'; readonly stream: StreamName; readonly queue: string; readonly partition: number | null; readonly how: 'hold' | 'stall'; readonly share: number }
  /** A partition's broker is away: nothing is written to it or read from it. */
  | { readonly type: 'leader'; readonly partition: number }
);

export interface OperatorPlan {
  readonly atMs: number;
  readonly queue: string;
  readonly command: 'redrive' | 'discard';
  /** Of the buried jobs, this share is meant. */
  readonly share: number;
}
