import { createCodec } from '../avro/codec.ts';
import type { Registry } from '../avro/registry.ts';
import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Burial, CarriedJob } from '../kafka/envelope.ts';
import type { Admin, Broker, PartitionCommit } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { createPacer } from '../runtime/pacer.ts';
import { createSleeps } from '../runtime/sleeps.ts';
import { createLogObserver } from '../worker/logObserver.ts';
import { createWorker, type WorkerOptions } from '../worker/worker.ts';
import { planReplay, type ReplayPlan } from './planReplay.ts';
import { readEpochs } from './readEpochs.ts';
import { createReplayBroker } from './replayBroker.ts';
import { decodeReplayPoint, encodeReplayPoint, type ReplayPoint } from './replayPoint.ts';
import { resolveRange, type ReplayRange } from './replayRange.ts';
import { createSelector, digestOf, type ReplaySelection } from './replaySelection.ts';

/** A job that died in a replay. */
export interface ReplayDeath {
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly partition: number;
  readonly offset: number;
  readonly attempts: number;
  /** A `BuryReason`. */
  readonly reason: string;
  readonly code: string | null;
  readonly message: string | null;
}

/** A job of a replay that waits because something that it needs is not there. */
export interface ReplayWait {
  readonly id: string;
  readonly kind: string;
  /** What is missing, as an error's code and message: CLAIM_NO_STORE, CLAIM_STORE_UNAVAILABLE, CLAIM_MISSING, EFFECTS_UNAVAILABLE, … */
  readonly code: string | null;
  readonly message: string;
}

/** Where a replay stands; of this run of it. */
export interface ReplayProgress {
  /** Jobs whose fate is decided: done, dead, or dropped as a double. */
  readonly settled: number;
  readonly dead: number;
  /** What the plan counted. */
  readonly total: number;
  readonly perSecond: number;
  /** Null: not known yet. */
  readonly leftMs: number | null;
}

export interface ReplaySummary {
  readonly name: string;
  readonly group: string;
  /** All of the range is settled; else it was stopped, and goes on when it is started again under its name. */
  readonly complete: boolean;
  /** `death`: a job died, and `onFailure` is `stop`. */
  readonly stoppedBy: 'signal' | 'death' | null;
  readonly plan: ReplayPlan;
  readonly done: number;
  readonly dead: number;
  /** The first 1,000 of the dead. */
  readonly deaths: readonly ReplayDeath[];
  readonly tookMs: number;
}

export interface ReplayOptions extends ReplaySelection {
  /** Names the replay: letters, digits, `-`, `_`. Its progress is kept under it by Kafka, so that it goes on where it was, in this process or others. */
  readonly name: string;
  /** Left out when a replay of this name goes on; else all that the main topic has. */
  readonly range?: ReplayRange;
  /** Only count. */
  readonly dryRun?: boolean;
  /** Jobs begun in a second, at most, in each process. */
  readonly perSecond?: number;
  /** What becomes of an entity whose job died: `go-on` (default) runs its next job; `stop` ends the replay, and that job is the first of it when it goes on. */
  readonly onFailure?: 'go-on' | 'stop';
  /** Ends it cleanly: what runs ends, and it goes on from there another time. */
  readonly signal?: AbortSignal;
  readonly planned?: (plan: ReplayPlan) => void;
  /** About once in `progressEveryMs`. */
  readonly progress?: (progress: ReplayProgress) => void;
  /** Default 500 ms. */
  readonly progressEveryMs?: number;
  /** Each job that dies, as it does. */
  readonly died?: (death: ReplayDeath) => void;
  /** A job waits for what is not there; told at each of its attempts. */
  readonly waits?: (wait: ReplayWait) => void;
  /** The consumer group of the queue's own workers. Default `millrace.<queue>`. */
  readonly group?: string;
  /** As a worker has it: concurrency, sandboxes, database, store of large payloads. */
  readonly worker?: Partial<Omit<WorkerOptions, 'broker' | 'registry' | 'jobs' | 'topics' | 'groupOf' | 'replay'>>;
}

export interface ReplayTools {
  readonly broker: Broker;
  readonly registry: Registry;
  readonly clock?: Clock;
  /** Default: warnings and worse, on standard output. */
  readonly logger?: Logger;
}

const DEATHS_KEPT = 1000;
const LOOK_EVERY_MS = 20;
const ASK_EVERY_MS = 1000;
const DRAIN_MS = 10_000;
const SETTLE_MS = 3000;

/**
 * Runs a range of a queue's main topic again, on the worker that runs the queue: in strict order within each entity, entities side by side, retries by each kind's
 * policy, `ctx.replay` set. It has a consumer group of its own (`<group>.replay.<name>`); the queue's own group, retry topic, dead-letter topic and
 * events are not touched: results and deaths are told to the caller alone. All records of the range run, whatever became of them in their time, but for jobs
 * that are still scheduled for later. At least once: after a kill it goes on from what was committed.
 * @throws MillraceError BAD_REPLAY (no such range, a kind without definition, a name of another replay), TOPIC_MISSING, BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE
 */
export async function replay(tools: ReplayTools, queue: string, jobs: readonly JobDefinition[], options: ReplayOptions): Promise<ReplaySummary> {
  const { broker, registry, clock = systemClock } = tools;
  const { name, perSecond = null } = options;
  checkOptions(options);
  const definitions = jobs.filter((job) => job.queue === queue);
  const topics = queueTopicNames(queue);
  const group = `${options.group ?? `millrace.${queue}`}.replay.${name}`;
  const startMs = clock.monotonic();
  const admin = broker.createAdmin({ clientId: group });
  const codec = createCodec({ registry, clock });
  try {
    const { points, deleted } = await findPoints(admin, group, topics.main, options);
    const plan = await planReplay({ broker, admin, codec, topic: topics.main, selection: options, points, deleted, handled: new Set(definitions.map(({ kind }) => kind)), perSecond, nowMs: clock.now() });
    options.planned?.(plan);
    const summary = { name, group, plan, stoppedBy: null, done: 0, dead: 0, deaths: [] };
    const left = [...points].filter(([, { offset, to }]) => offset < to);
    if (options.dryRun === true || left.length === 0) return { ...summary, complete: left.length === 0, tookMs: clock.monotonic() - startMs };
    if (plan.unhandled.length > 0) {
      throw new MillraceError('BAD_REPLAY', { at: queue, expected: 'a definition for each kind', got: `none for ${plan.unhandled.join(', ')}`, fix: 'Give the definitions, or say which kinds are meant' });
    }
    await begin(admin, group, topics.main, points);
    const ran = await run({ ...tools, clock }, queue, definitions, options, { group, plan, points, admin, selects: selectorOf(options, codec, clock) });
    return { ...summary, ...ran, tookMs: clock.monotonic() - startMs };
  } finally {
    await admin.close();
  }
}

interface Course {
  readonly group: string;
  readonly plan: ReplayPlan;
  readonly points: ReadonlyMap<number, ReplayPoint>;
  readonly admin: Admin;
  readonly selects: Parameters<typeof createReplayBroker>[1]['selects'];
}

async function run(tools: ReplayTools & { readonly clock: Clock }, queue: string, definitions: readonly JobDefinition[], options: ReplayOptions, course: Course): Promise<Pick<ReplaySummary, 'complete' | 'stoppedBy' | 'done' | 'dead' | 'deaths'>> {
  const { broker, registry, clock, logger = createLogger({ level: 'warn', service: 'millrace-replay', clock }) } = tools;
  const { name, perSecond, onFailure = 'go-on', signal, died } = options;
  const { group, plan, points, admin, selects } = course;
  const topics = queueTopicNames(queue);
  const left = new Map([...points].flatMap(([partition, { offset, to }]) => (offset < to ? [[partition, to] as const] : [])));
  const deaths: ReplayDeath[] = [];
  const standing = new Set<number>();
  let [done, dead] = [0, 0];
  const shut = createReplayBroker(broker, {
    topics, clock, selects, epochs: await readEpochs(broker, admin, topics), pacer: createPacer(perSecond ?? null, clock),
    committed: (partition, offset) => { if (offset >= (left.get(partition) ?? Infinity)) left.delete(partition); },
    buried(partition, job, burial) {
      if (onFailure === 'stop' && standing.has(partition)) return false;
      dead += 1;
      const death = describeDeath(partition, job, burial);
      if (deaths.length < DEATHS_KEPT) deaths.push(death);
      died?.(death);
      if (onFailure === 'go-on') return true;
      standing.add(partition);
      return false;
    },
  });
  const worker = createWorker({
    drainTimeoutMs: DRAIN_MS, storeResult: () => Promise.resolve('replay'), ...options.worker, logger, clock, broker: shut, registry, topics: false, groupOf: () => group, replay: { name },
    // A held lane would wait for an operator, and of commands a replay hears nothing.
    jobs: definitions.map((job) => ({ ...job, policy: { ...job.policy, whenBuried: 'continue' as const } })),
    // Rooms are in memory, so that no topic bounds what waits there.
    limits: { ...options.worker?.limits, retryRecordBytes: 2 ** 31 },
    observe: () => ({ ...createLogObserver(logger, queue, clock), buried: () => undefined, jobWaits: ({ id, kind }, { code, message }) => options.waits?.({ id, kind, code, message }), attemptEnded: (_kind, end) => { if (end === 'done') done += 1; } }),
  });
  const watch = createProgressWatch(clock, options, plan.jobs, () => ({ settled: done + dead, dead }));
  const sleeps = createSleeps(clock);
  const isOver = (): boolean => left.size === 0 || standing.size > 0 || signal?.aborted === true;
  try {
    await worker.start();
    for (let askedMs = clock.monotonic(); !isOver(); await sleeps.sleep(LOOK_EVERY_MS)) {
      watch();
      if (clock.monotonic() - askedMs < ASK_EVERY_MS) continue;
      askedMs = clock.monotonic();
      // Other processes may run parts of it.
      for (const { partition, position } of await committedPoints(admin, group, topics.main)) if ((position?.offset ?? -1) >= (left.get(partition) ?? Infinity)) left.delete(partition);
    }
  } finally {
    const stopped = worker.stop();
    for (const partition of standing) void letGo(partition);
    await stopped;
  }
  watch(true);
  const complete = left.size === 0;
  return { complete, stoppedBy: complete ? null : standing.size > 0 ? 'death' : 'signal', done, dead, deaths };

  /** A partition whose dead job must not settle can never be drained: once what runs has ended and is committed, it is given up. */
  async function letGo(number: number): Promise<void> {
    const untilMs = clock.monotonic() + DRAIN_MS;
    const idleSince = { ms: Infinity };
    for (;;) {
      const partition = worker.runners[0]?.engine.partitions.get(number);
      if (partition === undefined) return;
      const isQuiet = partition.running === 0 && partition.events.pending === 0 && !partition.commitDue && partition.commitUnderWay === null;
      if (partition.running === 0) idleSince.ms = Math.min(idleSince.ms, clock.monotonic());
      if (isQuiet || clock.monotonic() > Math.min(untilMs, idleSince.ms + SETTLE_MS)) break;
      await sleeps.sleep(LOOK_EVERY_MS);
    }
    shut.consumer?.giveUp(number);
  }
}

function selectorOf(options: ReplaySelection, codec: Parameters<typeof createSelector>[1], clock: Clock): Course['selects'] {
  const selects = createSelector(options, codec);
  return (record) => selects(record, clock.now()) === 'selected';
}

/** From where to where in each partition: as an earlier run committed it, else as the range says. */
async function findPoints(admin: Admin, group: string, topic: string, options: ReplayOptions): Promise<{ points: Map<number, ReplayPoint>; deleted: Map<number, number | null> }> {
  const digest = digestOf(options);
  const committed = await committedPoints(admin, group, topic);
  const ranges = options.range === undefined && committed.some(({ position }) => position !== null) ? null : await resolveRange(admin, topic, options.range ?? {});
  if (committed.every(({ position }) => position === null)) {
    const all = ranges ?? [];
    return {
      points: new Map(all.map(({ partition, from, to }) => [partition, { offset: from, to, digest, settled: 'm1' }])),
      deleted: new Map(all.map(({ partition, deleted }) => [partition, deleted])),
    };
  }
  const points = new Map<number, ReplayPoint>();
  for (const { partition, position } of committed) {
    // Partitions that were added since have nothing of its range.
    const point = position === null ? { offset: 0, to: 0, digest, settled: 'm1' } : decodeReplayPoint(position.offset, position.metadata);
    const asked = ranges?.find((one) => one.partition === partition);
    if (point === null || point.digest !== digest || (asked !== undefined && asked.to !== point.to && asked.from < asked.to)) {
      throw new MillraceError('BAD_REPLAY', { at: options.name, expected: 'a name of its own, or what a replay of this name began with', got: 'another range, other kinds or other keys', fix: 'Choose another name; or leave out the range, and give the same kinds and keys, to go on with that one' });
    }
    points.set(partition, point);
  }
  return { points, deleted: new Map() };
}

function committedPoints(admin: Admin, group: string, topic: string): ReturnType<Admin['committed']> {
  return admin.committed(group, topic);
}

/** Writes down what the replay is about, before anything of it runs. */
async function begin(admin: Admin, group: string, topic: string, points: ReadonlyMap<number, ReplayPoint>): Promise<void> {
  const committed = await committedPoints(admin, group, topic);
  if (committed.every(({ position }) => position !== null)) return;
  const commits: PartitionCommit[] = [...points].map(([partition, point]) => ({ partition, positions: [{ topic, offset: point.offset, metadata: encodeReplayPoint(point) }] }));
  try {
    await admin.setCommitted(group, commits);
  } catch (error) {
    // Another process has begun it just now.
    if (!isMillraceError(error, 'GROUP_IN_USE')) throw error;
  }
}

function describeDeath(partition: number, { id, kind, key, origin }: CarriedJob, { attempt, reason, failure }: Burial): ReplayDeath {
  return { id, kind, key: key?.toString() ?? null, partition, offset: origin.offset, attempts: attempt, reason, code: failure?.code ?? null, message: failure?.message ?? null };
}

function createProgressWatch(clock: Clock, { progress, progressEveryMs = 500 }: ReplayOptions, total: number, read: () => { settled: number; dead: number }): (last?: boolean) => void {
  const startMs = clock.monotonic();
  let toldMs = -Infinity;
  return (last = false) => {
    const now = clock.monotonic();
    if (progress === undefined || (!last && now - toldMs < progressEveryMs)) return;
    toldMs = now;
    const { settled, dead } = read();
    const perSecond = settled / Math.max(0.001, (now - startMs) / 1000);
    progress({ settled, dead, total, perSecond, leftMs: settled === 0 ? null : (Math.max(0, total - settled) / perSecond) * 1000 });
  };
}

function checkOptions({ name, perSecond }: ReplayOptions): void {
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(name)) throw new MillraceError('BAD_REPLAY', { at: 'name', expected: 'up to 100 letters, digits, "-" and "_"', got: name });
  if (perSecond !== undefined && !(perSecond > 0)) throw new MillraceError('BAD_REPLAY', { at: 'perSecond', expected: 'a positive number', got: perSecond });
}
