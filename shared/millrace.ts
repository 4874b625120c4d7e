import { didYouMean } from './errors/didYouMean.ts';
import { MillraceError } from './errors/MillraceError.ts';
import { createCodec } from './avro/codec.ts';
import { createRegistry, type Registry } from './avro/registry.ts';
import { createClaimWriter } from './claims/claimWriter.ts';
import { compileLargePayloads, type LargePayloadOptions } from './claims/largePayloads.ts';
import { createClient, type Client } from './client/client.ts';
import { listBuried, type BuriedJob } from './commands/buried.ts';
import { discardBuried, redriveBuried, selectBuried } from './commands/commandBuried.ts';
import { commandJobs } from './commands/commandJobs.ts';
import type { CommandTools } from './commands/commandTools.ts';
import type { DeadSelection } from './commands/deadSelection.ts';
import { placesOf, type JobRef } from './commands/findUnsettled.ts';
import { commandPause, listPauses, type PauseScope } from './commands/pauses.ts';
import type { Database } from './database/port.ts';
import { openPostgres } from './database/postgres/openPostgres.ts';
import type { JobDefinition } from './jobs/jobDefinition.ts';
import { showPause, type ShownPause } from './jobs/shownPause.ts';
import { createKafkajsBroker } from './kafka/kafkajs/kafkajsBroker.ts';
import { compressions, type Compression } from './kafka/compression.ts';
import { DEFAULT_TOPICS, prepareTopics, type TopicDefaults } from './kafka/prepareTopics.ts';
import type { Broker } from './kafka/port.ts';
import { moveOffsets, type MovedOffsets, type MoveOptions, type MoveTarget } from './moveOffsets/moveOffsets.ts';
import { replay, type ReplaySummary } from './replay/replay.ts';
import type { ReplayOptions } from './replay/replayOptions.ts';
import { systemClock, type Clock } from './runtime/clock.ts';
import { createLogger, type Logger } from './runtime/logger.ts';
import { createScheduler, type Scheduler, type SchedulerOptions } from './schedules/scheduler.ts';
import { createSchedules, type Schedules } from './schedules/schedules.ts';
import { createLogObserver } from './worker/logObserver.ts';
import { createWorker, type Worker, type WorkerOptions } from './worker/worker.ts';

export interface MillraceOptions {
  /** "host:port", several in a list or apart by commas. */
  readonly brokers: string | readonly string[];
  /** Base address of a Confluent-compatible schema registry. */
  readonly registryUrl: string;
  /**
   * How records are compressed that go to Kafka from here, where more than 8 KB travel together. What is read is understood however it was compressed. Default `none`:
   * see docs/compression.md for what it saves and costs.
   */
  readonly compression?: Compression;
  /** Who enqueues: a URI reference; travels as `ce_source`. Default `/millrace`. */
  readonly source?: string;
  /** How missing topics are made; `false`: they must exist. Default: 6 partitions, 1 replica. */
  readonly topics?: TopicDefaults | false;
  /**
   * Where payloads go that are too large for a Kafka record, and results that are too large for an event: `{ folder }` that all processes see, or
   * `{ store }`, for instance of `millrace/s3`. All processes of a queue must be told the same. Default: nowhere; a job of more than 1,000,000 bytes is refused.
   */
  readonly largePayloads?: LargePayloadOptions;
  /**
   * What workers need for `ctx.transaction`, `ctx.once` and locks: an address `postgres://…`, which is opened when a worker starts and closed by `close`, or a
   * database that stays yours to close. Default: none.
   */
  readonly database?: string | Database;
  /** Where schedules live: one topic for each set of schedulers. Default `millrace.schedules`. */
  readonly schedulesTopic?: string;
  /** Default: JSON lines on standard output, from `info` on. */
  readonly logger?: Logger;
  /** Another driver, for instance the in-memory one of `millrace/testing`. */
  readonly broker?: Broker;
  readonly registry?: Registry;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** What a worker may be told beyond its jobs; the rest it has from {@link MillraceOptions}. */
export type WorkOptions = Omit<Partial<WorkerOptions>, 'broker' | 'registry' | 'jobs' | 'topics' | 'clock' | 'random'>;

/** What {@link Millrace.redrive} may be told beyond the selection. */
export interface RedriveOptions {
  /**
   * The payload to run with instead of the buried one, written by its job's definition. Undefined: the buried one. The dead-letter topic keeps the
   * old payload. @throws MillraceError BAD_PAYLOAD, BAD_COMMAND (no such pair), before anything is redriven
   */
  readonly edit?: (job: BuriedJob) => readonly [definition: JobDefinition, payload: unknown] | undefined;
  /** At most so many a second. */
  readonly perSecond?: number;
}

/** What {@link Millrace.discard} may be told beyond the selection. */
export interface DiscardOptions {
  /** Why, for the status. */
  readonly reason?: string;
  /** At most so many a second. */
  readonly perSecond?: number;
}

/** One application's door to its queues. */
export interface Millrace {
  /** See {@link Client.enqueue}. */
  readonly enqueue: Client['enqueue'];
  /** See {@link Client.enqueueMany}. */
  readonly enqueueMany: Client['enqueueMany'];
  /** Starts a worker for these jobs; it runs until its `stop`, or {@link close}. */
  work(jobs: readonly JobDefinition[], options?: WorkOptions): Promise<Worker>;
  /** The jobs that a queue's dead-letter topic has records of, also those that were redriven since. */
  listBuried(queue: string): Promise<BuriedJob[]>;
  /**
   * Runs buried jobs again, in their old place, with fresh attempts. Resolves with the selected ones when Kafka has the commands. A burial is redriven
   * once, however often and by whomever it is asked for; a job that is buried again may be redriven again. The dead-letter topic keeps its
   * records, so what was redriven is listed still.
   */
  redrive(queue: string, select: DeadSelection | ((job: BuriedJob) => boolean), options?: RedriveOptions): Promise<BuriedJob[]>;
  /** Says of dead jobs that nobody will come back to them: they count as cancelled. Where one holds its lane, its entity's next jobs run. */
  discard(queue: string, select: DeadSelection | ((job: BuriedJob) => boolean), options?: DiscardOptions): Promise<BuriedJob[]>;
  /**
   * Cancels jobs. One that does not run is gone, and its entity's next job runs. Of one that runs, the
   * handler's `signal` is aborted with CANCELLED: if it still answers done, the job is done, else it is cancelled, and not tried again. One
   * that no worker has read yet never starts. One that is settled stays what it is. Resolves when Kafka has the commands.
   * @param jobs receipts of `enqueue`, buried jobs, or ids. An id does not say where its job stands: it is looked for in all that the queue has not settled, its backlog and its
   *   waiting room, so keep the receipt where this comes often. @throws MillraceError BAD_COMMAND; JOB_UNKNOWN (no such job is waited for: it is over, or never was here)
   */
  cancel(queue: string, jobs: JobRef | readonly JobRef[]): Promise<void>;
  /**
   * Makes jobs that wait for a time (a retry, a snooze, a lock, a schedule) due now. They start when their entity's earlier jobs, a free slot and
   * pauses let them. Says nothing to jobs that do not wait, nor to held ones, which want {@link redrive}.
   * @param jobs as {@link cancel} takes them @throws MillraceError BAD_COMMAND, JOB_UNKNOWN
   */
  runNow(queue: string, jobs: JobRef | readonly JobRef[]): Promise<void>;
  /**
   * Starts nothing more of a queue, of one of its kinds, or of one of its entities, until {@link resume} with the same scope; also after restarts.
   * What runs ends; what waits keeps its place. @throws MillraceError BAD_COMMAND
   */
  pause(queue: string, scope?: PauseScope): Promise<void>;
  /** Ends a pause: what it held runs at once, in order. Other scopes stay paused. @throws MillraceError BAD_COMMAND */
  resume(queue: string, scope?: PauseScope): Promise<void>;
  /** What of a queue is paused. */
  listPauses(queue: string): Promise<ShownPause[]>;
  /** Jobs that come by the clock. */
  readonly schedules: Schedules;
  /** Runs the schedules, here, until its `stop`, or {@link close}; several of them, in any processes, take turns. */
  runScheduler(options?: Pick<SchedulerOptions, 'sessionTimeoutMs' | 'observer'>): Promise<Scheduler>;
  /**
   * Runs a range of a queue's history again, beside it, with `ctx.replay` set: see docs/replay.md. @throws MillraceError as `replay` says
   */
  replay(queue: string, jobs: readonly JobDefinition[], options: ReplayOptions): Promise<ReplaySummary>;
  /** Lets a queue's workers begin elsewhere, while none is alive: see docs/replay.md. @throws MillraceError GROUP_IN_USE, NEEDS_FORCE, BAD_COMMAND */
  moveOffsets(queue: string, to: MoveTarget, options?: MoveOptions): Promise<MovedOffsets>;
  /** Drains the workers, waits for pending enqueues, disconnects. Idempotent. */
  close(): Promise<void>;
}

const known: ReadonlySet<string> = new Set<keyof MillraceOptions>(['brokers', 'registryUrl', 'compression', 'source', 'topics', 'schedulesTopic', 'largePayloads', 'database', 'logger', 'broker', 'registry', 'clock', 'random']);

function checkOptions(options: MillraceOptions): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue;
    const meant = didYouMean(name, known);
    throw new MillraceError('BAD_CONFIG', { at: `createMillrace: ${name}`, expected: `one of ${[...known].join(', ')}`, ...(meant === null ? {} : { fix: `Did you mean ${meant}?` }) });
  }
  const { brokers, broker, registryUrl, registry, compression } = options as Partial<MillraceOptions>;
  if (broker === undefined && (brokers === undefined || brokers.length === 0)) {
    throw new MillraceError('BAD_CONFIG', { at: 'createMillrace: brokers', expected: 'addresses such as "kafka-1:9092,kafka-2:9092"', got: brokers });
  }
  if (compression !== undefined && !compressions.includes(compression)) {
    throw new MillraceError('BAD_CONFIG', { at: 'createMillrace: compression', expected: `one of ${compressions.join(', ')}`, got: compression });
  }
  if (registry === undefined && (registryUrl === undefined || registryUrl === '')) {
    throw new MillraceError('BAD_CONFIG', { at: 'createMillrace: registryUrl', expected: 'the address of a schema registry', got: registryUrl });
  }
}

/** Connects to nothing yet: each part does when it is first used. @throws MillraceError BAD_CONFIG */
export function createMillrace(options: MillraceOptions): Millrace {
  checkOptions(options);
  const { clock = systemClock, random = Math.random, source = '/millrace', topics = DEFAULT_TOPICS, largePayloads } = options;
  const brokers = typeof options.brokers === 'string' ? options.brokers.split(',').map((one) => one.trim()) : options.brokers;
  const broker = options.broker ?? createKafkajsBroker({ brokers, compression: options.compression });
  const registry = options.registry ?? createRegistry({ url: options.registryUrl });
  const logger = options.logger ?? createLogger({ level: 'info', service: 'millrace', clock });
  const admin = broker.createAdmin({ clientId: 'millrace-admin' });
  const commands = broker.createProducer({ clientId: 'millrace-commands' });
  const prepared = new Map<string, Promise<unknown>>();
  const workers: Worker[] = [];
  const schedulers: Scheduler[] = [];
  // Opening it does no I/O.
  const opened = typeof options.database === 'string' ? openPostgres({ url: options.database }) : null;
  const database = typeof options.database === 'string' ? opened ?? undefined : options.database;
  let closing: Promise<void> | null = null;

  const prepare = (queues: readonly string[]): Promise<unknown> => Promise.all(queues.map((queue) => {
    let ready = prepared.get(queue);
    if (ready === undefined) {
      ready = prepareTopics(admin, [queue], topics, logger);
      prepared.set(queue, ready);
      ready.catch(() => { prepared.delete(queue); });
    }
    return ready;
  }));
  const codec = createCodec({ registry, clock });
  const client = createClient({ broker, codec, source, clock, random, largePayloads, prepareQueue: (queue) => prepare([queue]) });
  const claims = largePayloads === undefined ? null : createClaimWriter({ payloads: compileLargePayloads(largePayloads, clock), codec, clock });
  const tools = async (): Promise<CommandTools> => {
    await commands.start();
    return { broker, admin, producer: commands, ...(options.random === undefined ? {} : { createId: () => String(random()).slice(2) }) };
  };

  const command = async (queue: string, what: 'cancel' | 'run-now', jobs: JobRef | readonly JobRef[]): Promise<void> => {
    const given = await tools();
    await commandJobs(given, queue, what, await placesOf(given, queue, listOf(jobs)));
  };

  const scheduling = {
    ...(options.schedulesTopic === undefined ? {} : { topic: options.schedulesTopic }),
    ...(options.random === undefined ? {} : { createId: () => String(random()).slice(2) }),
  };
  const schedules = createSchedules({
    ...scheduling, broker, admin, codec, registry, clock, topics, prepareQueue: (queue) => prepare([queue]), producer: async () => (await tools()).producer,
  });

  return {
    enqueue: client.enqueue,
    enqueueMany: client.enqueueMany,
    async work(jobs, more = {}) {
      if (closing !== null) throw new MillraceError('NOT_RUNNING', { at: 'work', got: 'closed', fix: 'Create it anew' });
      if (!Array.isArray(jobs)) throw new MillraceError('BAD_JOB_DEFINITION', { at: 'work', expected: 'a list of job definitions', got: jobs });
      const worker = createWorker({ logger, largePayloads, database, observe: (queue) => createLogObserver(logger, queue), ...more, broker, registry, jobs, topics, clock, random });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    listBuried: async (queue) => listBuried(await tools(), queue),
    async redrive(queue, select, { edit, ...pace } = {}) {
      const buried = await selectBuried(await tools(), queue, select);
      const values = new Map<unknown, Buffer>();
      for (const one of edit === undefined ? [] : buried) {
        const edited = edit?.(one.shown);
        if (edited === undefined) continue;
        checkEdit(edited, one.shown);
        const value = codec.encode(edited[1], await codec.register(edited[0].schema));
        values.set(one, claims === null ? value : await claims.wrap(queue, value));
      }
      await redriveBuried(await tools(), queue, buried, { ...pace, clock, edit: (one) => values.get(one) ?? null });
      return buried.map(({ shown }) => shown);
    },
    async discard(queue, select, options = {}) {
      const buried = await selectBuried(await tools(), queue, select);
      await discardBuried(await tools(), queue, buried, { ...options, clock });
      return buried.map(({ shown }) => shown);
    },
    cancel: (queue, jobs) => command(queue, 'cancel', jobs),
    runNow: (queue, jobs) => command(queue, 'run-now', jobs),
    pause: async (queue, scope) => commandPause(await tools(), queue, 'pause', scope),
    resume: async (queue, scope) => commandPause(await tools(), queue, 'resume', scope),
    replay: (queue, jobs, replayed) => replay({ broker, registry, clock, logger }, queue, jobs, { ...replayed, worker: { largePayloads, database, ...replayed.worker } }),
    moveOffsets: async (queue, to, moved) => moveOffsets({ ...(await tools()), registry, clock }, queue, to, moved),
    listPauses: async (queue) => (await listPauses(await tools(), queue)).map(showPause),
    schedules,
    async runScheduler(more = {}) {
      if (closing !== null) throw new MillraceError('NOT_RUNNING', { at: 'runScheduler', got: 'closed', fix: 'Create it anew' });
      const scheduler = createScheduler({ ...more, ...scheduling, broker, codec, logger, clock, random, topics });
      schedulers.push(scheduler);
      await scheduler.start();
      return scheduler;
    },
    close() {
      closing ??= (async () => {
        await Promise.all([...workers, ...schedulers].map((running) => running.stop()));
        await client.close();
        await commands.close();
        await admin.close();
        await opened?.close();
      })();
      return closing;
    },
  };
}

/** Without types the payload alone may come. */
function checkEdit(edited: unknown, { id }: BuriedJob): void {
  const [definition, ...rest] = Array.isArray(edited) ? edited as readonly unknown[] : [];
  if (rest.length === 1 && typeof definition === 'object' && definition !== null && 'schema' in definition) return;
  throw new MillraceError('BAD_COMMAND', { at: `redrive: edit of ${id}`, expected: 'the job\'s definition and the whole payload, as [definition, payload], or undefined', got: edited });
}

function listOf(jobs: JobRef | readonly JobRef[]): readonly JobRef[] {
  return Array.isArray(jobs) ? jobs as readonly JobRef[] : [jobs as JobRef];
}
