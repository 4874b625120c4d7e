import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Burial, CarriedJob } from '../kafka/envelope.ts';
import type { Admin, FetchedRecord } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { createPacer } from '../runtime/pacer.ts';
import { createSleeps } from '../runtime/sleeps.ts';
import { createLogObserver } from '../worker/logObserver.ts';
import { createWorker } from '../worker/worker.ts';
import type { ReplaySummary, ReplayTools } from './replay.ts';
import { createReplayBroker } from './replayBroker.ts';
import type { ReplayDeath, ReplayOptions } from './replayOptions.ts';
import type { ReplayPoint } from './replayPoint.ts';
import { madeAnew, otherReplay } from './startPoints.ts';

/** What was found out before it runs. */
export interface Course {
  readonly group: string;
  /** Jobs that the plan counted. */
  readonly total: number;
  readonly points: ReadonlyMap<number, ReplayPoint>;
  /** Lease epochs of the queue's own workers. */
  readonly epochs: ReadonlyMap<number, number>;
  readonly admin: Admin;
  readonly selects: (record: FetchedRecord) => boolean;
}

const DEATHS_KEPT = 1000;
const LOOK_EVERY_MS = 20;
const ASK_EVERY_MS = 1000;
const DRAIN_MS = 10_000;
const SETTLE_MS = 3000;
/** So long records may be damaged; then the replay ends. */
const DAMAGED_MS = 30_000;

/** Runs what is left of a replay, until it is complete or told to stop. @throws MillraceError BAD_REPLAY (its name is another replay's; its topic was made anew), RECORDS_UNREADABLE, BROKER_UNAVAILABLE, TOPIC_MISSING */
export async function runReplay(tools: ReplayTools & { readonly clock: Clock }, queue: string, definitions: readonly JobDefinition[], options: ReplayOptions, course: Course): Promise<Pick<ReplaySummary, 'complete' | 'stoppedBy' | 'done' | 'dead' | 'deaths'>> {
  const { broker, registry, clock, logger = createLogger({ level: 'warn', service: 'millrace-replay', clock }) } = tools;
  const { name, perSecond, onFailure = 'go-on', signal, died } = options;
  const { group, points, admin, selects, epochs } = course;
  const topics = queueTopicNames(queue);
  const left = new Map([...points].flatMap(([partition, { offset, to }]) => (offset < to ? [[partition, to] as const] : [])));
  const deaths: ReplayDeath[] = [];
  const standing = new Set<number>();
  const damaged = new Map<number, { readonly sinceMs: number; readonly error: Error }>();
  let [done, dead] = [0, 0];
  let fault: Error | null = null;
  const settledUpTo = (partition: number, offset: number): void => { if (offset >= (left.get(partition) ?? Infinity)) left.delete(partition); };
  const shut = createReplayBroker(broker, {
    topics, clock, selects, epochs, points, pacer: createPacer(perSecond ?? null, clock),
    committed: settledUpTo,
    isOthers: () => { fault ??= otherReplay(name); },
    damaged(partition, error) {
      if (error === null) damaged.delete(partition);
      else damaged.set(partition, { sinceMs: damaged.get(partition)?.sinceMs ?? clock.monotonic(), error });
    },
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
  const watch = createProgressWatch(clock, options, course.total, () => ({ settled: done + dead, dead }));
  const sleeps = createSleeps(clock);
  const isOver = (): boolean => left.size === 0 || standing.size > 0 || signal?.aborted === true || fault !== null;
  try {
    await worker.start();
    for (let askedMs = clock.monotonic(); !isOver(); await sleeps.sleep(LOOK_EVERY_MS)) {
      watch();
      if (clock.monotonic() - askedMs < ASK_EVERY_MS) continue;
      askedMs = clock.monotonic();
      const [committed, bounds] = await Promise.all([admin.committed(group, topics.main), admin.logBounds(topics.main)]);
      // Other processes may run parts of it.
      for (const { partition, position } of committed) if (position !== null) settledUpTo(partition, position.offset);
      for (const { partition, startOffset, endOffset } of bounds) {
        shut.consumer?.logStarts(partition, startOffset);
        if (endOffset < (left.get(partition) ?? 0)) fault ??= madeAnew(name, `${topics.main}/${partition}`, endOffset);
      }
      // Another replica may have them whole: the driver asks again and again.
      for (const { sinceMs, error } of damaged.values()) if (askedMs - sinceMs >= DAMAGED_MS) fault ??= error;
    }
  } finally {
    const stopped = worker.stop();
    for (const partition of standing) void letGo(partition);
    await stopped;
  }
  if (fault !== null) throw fault;
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
