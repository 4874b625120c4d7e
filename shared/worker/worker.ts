import { availableParallelism, hostname } from 'node:os';
import { createCodec, createReader } from '../avro/codec.ts';
import { ClaimFetches } from '../claims/claimFetches.ts';
import { createClaimedResults } from '../claims/claimedResults.ts';
import { compileLargePayloads, type LargePayloadOptions } from '../claims/largePayloads.ts';
import type { Registry } from '../avro/registry.ts';
import { compileSpill, type SpillOptions } from '../bodies/spillOptions.ts';
import type { Database } from '../database/port.ts';
import { defaultLimits, type EngineLimits } from '../engine/engineOptions.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { createSandboxStarter, type StartSandbox } from '../isolation/sandbox.ts';
import { placeOf, SandboxPool } from '../isolation/sandboxPool.ts';
import type { ReplayMark } from '../jobs/jobContext.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Admin, Broker, Producer } from '../kafka/port.ts';
import { DEFAULT_TOPICS, prepareTopics, type TopicDefaults } from '../kafka/prepareTopics.ts';
import { queueTopicNames, type QueueTopicNames } from '../kafka/topics.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { createSteadyClock } from '../runtime/steadyClock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Handled } from './attempts.ts';
import { registerEvents } from './encodeEvents.ts';
import type { StoreResult } from './lateResults.ts';
import type { QueueObserver } from './observer.ts';
import { QueueRunner } from './queueRunner.ts';
import { untilAvailable } from './untilAvailable.ts';
import { createWorkerEffects, type WorkerEffects } from './workerEffects.ts';

export interface WorkerOptions {
  readonly broker: Broker;
  readonly registry: Registry;
  /** The kinds that this worker handles; it reads the queues that they name. */
  readonly jobs: readonly JobDefinition[];
  readonly logger: Logger;
  readonly observe: (queue: string) => QueueObserver;
  /** Names this process in leases, logs and the group. Must differ between processes. Default: host name and a random part. */
  readonly workerId?: string;
  /** How missing topics are made. Default: 6 partitions, 1 replica (production wants 3). `false`: they must exist. */
  readonly topics?: TopicDefaults | false;
  /** Consumer group of a queue; its committed offsets are the queue's progress. Default `millrace.<queue>`. */
  readonly groupOf?: (queue: string) => string;
  /** Attempts under way at once in each queue. Default 100. */
  readonly concurrency?: number;
  /** Processes for attempts of isolated kinds at once, over all queues. Default: as many as there are cores, and at least one for each such kind. */
  readonly sandboxes?: number | undefined;
  /** How a sandbox is started; tests have their own way. */
  readonly startSandbox?: StartSandbox;
  readonly limits?: Partial<EngineLimits>;
  /** Default 10 s. How soon Kafka notices that a worker died. */
  readonly sessionTimeoutMs?: number;
  /** Default 100 ms. What ended since the last flush may be repeated after a crash. */
  readonly flushIntervalMs?: number;
  /** Default 30 s. How long a stop or a handover waits for running attempts before it aborts them. */
  readonly drainTimeoutMs?: number;
  /** Default 5 s. How long an aborted handler may still run before its lane goes on without it. */
  readonly abortGraceMs?: number;
  /** Where payloads lie that are too large for a record. Without it, jobs with such a payload wait, and are buried after 15 minutes. */
  readonly largePayloads?: LargePayloadOptions | undefined;
  /** Where results go that are longer than an event takes (4,096 bytes as JSON). Default: where large payloads lie; else nowhere, and a job with such a result is buried (BAD_RESULT). Called again, with the same result, when it has not resolved within 10 s, or rejects: for as long as it takes with a MillraceError (CLAIM_STORE_UNAVAILABLE says that it is away), else for an hour, then the job is buried; at once where the kind's `buryOn` says so. */
  readonly storeResult?: StoreResult;
  /** For `ctx.transaction`, `ctx.once` and locks: the same for all workers whose jobs they concern. Stays the caller's to close. Default: none. */
  readonly database?: Database | undefined;
  /** How long it is remembered that an effect landed: longer than a job may come back by retry, redrive or replay. Default 30 days. */
  readonly effectRetentionMs?: number | undefined;
  /**
   * Where values of waiting jobs go that memory has no room for: `{ folder }`. Default: nowhere; at `limits.roomBytes` a partition takes nothing more in. What lies there is
   * worth nothing after a restart, and may be lost at any time: Kafka has it all. While the disk takes nothing, it is as if there were no folder.
   */
  readonly spill?: SpillOptions | undefined;
  readonly maxBytesPerPartition?: number;
  /** Set by a replay, which gives the worker a cluster of its own. */
  readonly replay?: ReplayMark;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
}

export interface Worker {
  readonly workerId: string;
  readonly runners: readonly QueueRunner[];
  /**
   * Registers schemas, joins the groups, and returns when the first assignments are known. While the registry or Kafka does not answer it says so
   * in the log, tries again and joins no group: it could run nothing, and would take partitions from workers that know their schemas already.
   * @throws MillraceError for what trying again does not mend (SCHEMA_INCOMPATIBLE, TOPIC_DRIFT, TOPIC_MISSING, …); NOT_RUNNING when it was stopped meanwhile
   */
  start(): Promise<void>;
  /** Drains, commits, leaves the groups, disconnects; ends a start that waits. Idempotent. What is not finished in time runs elsewhere, or here after the next start. */
  stop(): Promise<void>;
  /** What a start waits for; null when it waits for nothing. */
  readonly waitsFor: string | null;
  /** True when each owned partition is restored, leased and open. */
  readonly ready: boolean;
}

/** The default bound of a worker that was given no store. */
const MISSING_BOUND_MS = 900_000;

/** Creates a worker; does nothing until it is started. @throws MillraceError BAD_JOB_DEFINITION for kinds defined twice or no kinds; BAD_CONFIG; NO_DATABASE */
export function createWorker(options: WorkerOptions): Worker {
  const { broker, registry, jobs, random = Math.random } = options;
  const clock = createSteadyClock(options.clock ?? systemClock);
  const workerId = options.workerId ?? `${hostname()}-${Math.floor(random() * 2 ** 32).toString(36)}`;
  const codec = createCodec({ registry, clock });
  const byQueue = groupByQueue(jobs);
  const producer = broker.createProducer({ clientId: workerId });
  const admin = broker.createAdmin({ clientId: workerId });
  const sandboxes = createSandboxPool(options, clock);
  const payloads = options.largePayloads === undefined ? null : compileLargePayloads(options.largePayloads, clock);
  const claimFetches = payloads === null ? null : new ClaimFetches({ payloads, clock, logger: options.logger });
  const spill = options.spill === undefined ? null : compileSpill(options.spill);
  const results = payloads === null ? null : createClaimedResults({ store: payloads.store, clock });
  const effects = createEffects(options, workerId, clock, random);
  const runners: QueueRunner[] = [];
  const stopping = new AbortController();
  let stopped: Promise<void> | null = null;
  let waitsFor: string | null = null;

  const start = async (): Promise<void> => {
    const persistently = <T>(work: () => Promise<T>): Promise<T> => untilAvailable(work, {
      clock, random, signal: stopping.signal,
      failed: (error, nextTryMs) => {
        waitsFor = error.message;
        options.logger.warn({ err: error, nextTryMs }, 'the worker cannot start yet; it tries again');
      },
    });
    await sandboxes.start();
    // One after the other: a fleet that starts, or waits for a registry's return, is load enough.
    const encodeEvents = await persistently(() => registerEvents(codec));
    for (const schema of new Set(jobs.map((job) => job.schema))) await persistently(() => codec.register(schema));
    await persistently(() => producer.start());
    if (effects !== null) await persistently(() => effects.start());
    const topics = await persistently(() => prepareTopics(admin, [...byQueue.keys()], options.topics ?? DEFAULT_TOPICS, options.logger));
    waitsFor = null;
    // A worker that was stopped meanwhile must not become a member after all.
    if (stopped !== null) throw new MillraceError('NOT_RUNNING', { at: `worker ${workerId}`, got: 'stopped during its start' });
    for (const [queue, handled] of byQueue) {
      runners.push(new QueueRunner({
        topics: queueTopicNames(queue),
        group: options.groupOf?.(queue) ?? `millrace.${queue}`,
        workerId, broker, producer, admin, codec, encodeEvents, handled, sandboxes, clock, random,
        limits: {
          ...defaultLimits,
          retryRecordBytes: largestCopy(queueTopicNames(queue), topics),
          ...options.limits,
          concurrency: options.concurrency ?? options.limits?.concurrency ?? defaultLimits.concurrency,
        },
        logger: options.logger,
        observer: options.observe(queue),
        sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
        flushIntervalMs: options.flushIntervalMs ?? 100,
        drainTimeoutMs: options.drainTimeoutMs ?? 30_000,
        abortGraceMs: options.abortGraceMs ?? 5000,
        storeResult: options.storeResult ?? (results === null ? undefined : (job, json) => results.put(job, json)),
        spill, claimFetches, claimMissingBoundMs: payloads?.missingBoundMs ?? MISSING_BOUND_MS,
        effects,
        maxBytesPerPartition: options.maxBytesPerPartition ?? 512 * 1024,
        replay: options.replay ?? null,
      }));
    }
    await Promise.all(runners.map((runner) => runner.start()));
  };

  return {
    workerId,
    runners,
    start: () => start().catch((error: unknown) => {
      // What the stop cut short failed because of it.
      throw stopped !== null ? new MillraceError('NOT_RUNNING', { at: `worker ${workerId}`, got: 'stopped during its start', cause: error }) : error;
    }),
    stop() {
      stopping.abort();
      return stopped ??= stop(runners, sandboxes, effects, producer, admin).finally(() => {
        claimFetches?.close();
      });
    },
    get waitsFor() {
      return waitsFor;
    },
    get ready() {
      return runners.length > 0 && runners.every((runner) => runner.ready);
    },
  };
}

/**
 * A job whose copy is larger is buried instead of waiting. A retry topic that takes less than the main topic is a mistake that somebody will
 * mend: it makes jobs wait uncommitted, and buries none.
 */
function largestCopy({ main, retry }: QueueTopicNames, maxRecordBytes: ReadonlyMap<string, number>): number {
  return Math.max(maxRecordBytes.get(retry) ?? defaultLimits.retryRecordBytes, maxRecordBytes.get(main) ?? 0);
}

async function stop(runners: readonly QueueRunner[], sandboxes: SandboxPool, effects: WorkerEffects | null, producer: Producer, admin: Admin): Promise<void> {
  await Promise.all(runners.map((runner) => runner.stop()));
  await sandboxes.close();
  await effects?.stop();
  await producer.close();
  await admin.close();
}

function groupByQueue(jobs: readonly JobDefinition[]): Map<string, Map<string, Handled>> {
  if (jobs.length === 0) throw new MillraceError('BAD_JOB_DEFINITION', { at: 'jobs', expected: 'at least one job definition', got: jobs });
  const byQueue = new Map<string, Map<string, Handled>>();
  for (const definition of jobs) {
    const handled = byQueue.get(definition.queue) ?? new Map<string, Handled>();
    byQueue.set(definition.queue, handled);
    if (handled.has(definition.kind)) throw new MillraceError('BAD_JOB_DEFINITION', { at: definition.kind, expected: 'each kind once in a queue', got: definition.kind });
    handled.set(definition.kind, { definition, reader: createReader(definition.schema) });
  }
  return byQueue;
}

const EFFECT_RETENTION_MS = 30 * 86_400_000;

function createEffects({ database, effectRetentionMs, jobs, logger }: WorkerOptions, workerId: string, clock: Clock, random: () => number): WorkerEffects | null {
  if (database !== undefined) return createWorkerEffects({ database, workerId, retentionMs: effectRetentionMs ?? EFFECT_RETENTION_MS, clock, random, logger });
  const locked = jobs.find(({ lock }) => typeof lock === 'function');
  if (locked === undefined) return null;
  throw new MillraceError('NO_DATABASE', { at: `lock of ${locked.kind}`, expected: 'a database beside it', fix: 'Set DATABASE_URL, or give createMillrace or createWorker a database' });
}

function createSandboxPool({ jobs, logger, sandboxes, startSandbox }: WorkerOptions, clock: Clock): SandboxPool {
  const kinds = new Map(jobs.flatMap(({ kind, queue, isolated }) => (isolated === null ? [] : [[placeOf(queue, kind), isolated]])));
  const max = Math.max(1, sandboxes ?? Math.max(availableParallelism(), kinds.size));
  return new SandboxPool({ kinds, max, start: startSandbox ?? createSandboxStarter(clock), clock, logger });
}
