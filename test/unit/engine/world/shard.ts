import type { CommitPoint, DeadLetter, JobEvent } from '../../../../shared/engine/effects.ts';
import type { MainLog } from './mainLog.ts';
import type { History } from './history.ts';
import type { Plan } from './plan.ts';
import type { Chance } from './random.ts';
import type { RetryLog, Sent } from './retryLog.ts';

/** What a publication holds when it is sent. */
export type Payload =
  | { readonly stream: 'retry'; readonly records: readonly Sent[] }
  | { readonly stream: 'events'; readonly items: readonly JobEvent[] }
  | { readonly stream: 'dlq'; readonly items: readonly DeadLetter[] };

/** One partition number of the queue, as the broker and the group know it. */
export interface Shard {
  readonly number: number;
  readonly main: MainLog;
  readonly retry: RetryLog;
  committed: { readonly main: CommitPoint; readonly retry: CommitPoint } | null;
  /** The member that owns it, and the generation in which it was given. */
  owner: { readonly workerId: number; readonly generation: number } | null;
  /** Steps with a live owner so far. */
  age: number;
  /** End of its dead-letter topic. */
  letters: number;
}

/** What a worker sees of its world. */
export interface Surroundings {
  readonly plan: Plan;
  readonly chance: Chance;
  readonly shards: readonly Shard[];
  readonly history: History;
  readonly trace: ((...line: unknown[]) => void) | null;
  readonly now: number;
  /** False once the world heals. */
  readonly troubled: boolean;
  land(shard: Shard, payload: Payload): void;
  /** A copy of a publication that was given up lands some time later. */
  landLater(shard: Shard, payload: Payload): void;
}
