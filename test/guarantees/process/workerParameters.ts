import type { Workload } from './workload.ts';

/** What a worker process is told, as JSON in its first argument. */
export interface WorkerParameters {
  readonly brokers: string;
  readonly registryUrl: string;
  readonly workerId: string;
  readonly workload: Workload;
  /** All workers of a scenario append to it. */
  readonly witnessFile: string;
  /** Exists once the cause of what was buried is gone. */
  readonly mendedFile: string;
  readonly concurrency: number;
  readonly sessionTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly frontierPatienceMs: number | null;
}

/** A line of a worker process's output: what its observer was told, and how far it is. */
export type Said =
  | { readonly type: 'ready' | 'stopped' }
  | { readonly type: 'assigned' | 'lost'; readonly partitions: readonly number[] }
  | { readonly type: 'active'; readonly partition: number; readonly epoch: number; readonly waiting: number }
  | { readonly type: 'publish-refused'; readonly partition: number; readonly stream: string; readonly code: string }
  | { readonly type: 'noticed'; readonly partition: number; readonly notice: string }
  /** In this second of the epoch so many Produce requests held records of the topic. */
  | { readonly type: 'produced'; readonly second: number; readonly topic: string; readonly requests: number }
  | { readonly type: 'buried'; readonly id: string; readonly reason: string }
  | { readonly type: 'commit-failed'; readonly code: string }
  | { readonly type: 'trouble'; readonly message: string }
  /** Its `/livez` changed its mind. */
  | { readonly type: 'health'; readonly live: boolean; readonly reason: string }
  /** Its event loop stood still for so long, until now. */
  | { readonly type: 'stalled'; readonly ms: number };
