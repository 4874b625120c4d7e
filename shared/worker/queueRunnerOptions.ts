import type { Codec } from '../avro/codec.ts';
import type { CompiledSpill } from '../bodies/spillOptions.ts';
import type { ClaimFetches } from '../claims/claimFetches.ts';
import type { EngineLimits } from '../engine/engineOptions.ts';
import type { SandboxPool } from '../isolation/sandboxPool.ts';
import type { Admin, Broker, Producer } from '../kafka/port.ts';
import type { QueueTopicNames } from '../kafka/topics.ts';
import type { ReplayMark } from '../jobs/jobContext.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Handled } from './attempts.ts';
import type { EncodeEvents } from './encodeEvents.ts';
import type { StoreResult } from './lateResults.ts';
import type { QueueObserver } from './observer.ts';
import type { WorkerEffects } from './workerEffects.ts';

/** All that one queue's runner is made of. */
export interface QueueRunnerOptions {
  readonly topics: QueueTopicNames;
  readonly group: string;
  readonly workerId: string;
  readonly broker: Broker;
  readonly producer: Producer;
  readonly admin: Admin;
  readonly codec: Codec;
  /** The worker's, shared by its queues. */
  readonly encodeEvents: EncodeEvents;
  readonly handled: ReadonlyMap<string, Handled>;
  /** The worker's, shared by its queues. */
  readonly sandboxes: SandboxPool;
  readonly limits: EngineLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer: QueueObserver;
  readonly sessionTimeoutMs: number;
  readonly flushIntervalMs: number;
  /** How long a stop or a handover waits for running attempts before it aborts them. */
  readonly drainTimeoutMs: number;
  readonly abortGraceMs: number;
  readonly storeResult?: StoreResult | undefined;
  /** The worker's, shared by its queues; null: it has no database. */
  readonly effects: WorkerEffects | null;
  /** The worker's, shared by its queues; null: it was given no store for large payloads. */
  readonly claimFetches: ClaimFetches | null;
  readonly claimMissingBoundMs: number;
  /** Null: bodies of waiting jobs stay in memory. */
  readonly spill: CompiledSpill | null;
  readonly maxBytesPerPartition: number;
  /** Null: it runs its queue. */
  readonly replay: ReplayMark | null;
}
