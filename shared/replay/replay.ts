import { createCodec } from '../avro/codec.ts';
import type { Registry } from '../avro/registry.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Broker } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { planReplay, type ReplayPlan } from './planReplay.ts';
import { readEpochs } from './readEpochs.ts';
import { checkReplayOptions, type ReplayDeath, type ReplayOptions } from './replayOptions.ts';
import { createSelector } from './replaySelection.ts';
import { runReplay } from './runReplay.ts';
import { areEqual, findStartPoints, writeStartPoints, type StartPoints } from './startPoints.ts';

export interface ReplaySummary {
  readonly name: string;
  readonly group: string;
  /** `before`: this run went on with it; `now`: it began; null: nothing of it is written down, because it was only counted, or means no job. */
  readonly begun: 'before' | 'now' | null;
  /** All of the range is settled; else it was stopped, and goes on (if it is begun) when it is started again under its name. */
  readonly complete: boolean;
  /** `death`: a job died, and `onFailure` is `stop`. */
  readonly stoppedBy: 'signal' | 'death' | null;
  /** Where it was stopped while it was counted: what was counted until then. */
  readonly plan: ReplayPlan;
  readonly done: number;
  readonly dead: number;
  /** The first 1,000 of the dead. */
  readonly deaths: readonly ReplayDeath[];
  readonly tookMs: number;
}

export interface ReplayTools {
  readonly broker: Broker;
  readonly registry: Registry;
  readonly clock?: Clock;
  /** Default: warnings and worse, on standard output. */
  readonly logger?: Logger;
}

/**
 * Runs a range of a queue's main topic again, on the worker that runs the queue: in strict order within each entity, entities side by side, retries by each kind's
 * policy, `ctx.replay` set. It has a consumer group of its own (`<group>.replay.<name>`); the queue's own group, retry topic, dead-letter topic and
 * events are not touched: results and deaths are told to the caller alone. All records of the range run, whatever became of them in their time, but for jobs
 * that are still scheduled for later when it is counted. At least once: after a kill it goes on from what was committed.
 * @throws MillraceError BAD_REPLAY (an option that cannot be meant, no range to begin with, a kind without definition, a name of another replay), TOPIC_MISSING,
 *   BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE, RECORDS_UNREADABLE
 */
export async function replay(tools: ReplayTools, queue: string, jobs: readonly JobDefinition[], options: ReplayOptions): Promise<ReplaySummary> {
  const { broker, registry, clock = systemClock } = tools;
  const { name, perSecond = null, signal } = options;
  checkReplayOptions(jobs, options);
  const definitions = jobs.filter((job) => job.queue === queue);
  const topics = queueTopicNames(queue);
  const group = `${options.group ?? `millrace.${queue}`}.replay.${name}`;
  const startMs = clock.monotonic();
  const admin = broker.createAdmin({ clientId: group });
  const codec = createCodec({ registry, clock });
  // What is due later than now is not of it, however long it runs: else it would run more than was counted.
  const nowMs = clock.now();
  const look = (): Promise<StartPoints> => findStartPoints(admin, group, topics.main, options, nowMs);
  const count = async (start: StartPoints): Promise<ReplayPlan> => {
    const plan = await planReplay({ broker, admin, codec, topic: topics.main, selection: options, start, handled: new Set(definitions.map(({ kind }) => kind)), perSecond, nowMs, ...(signal === undefined ? {} : { signal }) });
    if (plan.unhandled.length > 0 && options.dryRun !== true) {
      throw new MillraceError('BAD_REPLAY', { at: queue, expected: 'a definition for each kind', got: `none for ${plan.unhandled.join(', ')}`, fix: 'Give the definitions, or say which kinds are meant' });
    }
    return plan;
  };
  try {
    let start = await look();
    let plan = await count(start);
    const summarise = (more: Partial<ReplaySummary>): ReplaySummary => ({
      name, group, begun: start.begun ? 'before' : null, complete: false, stoppedBy: null, plan, done: 0, dead: 0, deaths: [], tookMs: clock.monotonic() - startMs, ...more,
    });
    if (signal?.aborted === true) return summarise({ stoppedBy: 'signal' });
    const isOver = [...start.points.values()].every(({ offset, to }) => offset >= to);
    if (options.dryRun === true || isOver || (!start.begun && plan.jobs === 0)) {
      options.planned?.(plan);
      return summarise({ complete: isOver || (options.dryRun !== true && plan.jobs === 0) });
    }
    const epochs = await readEpochs(broker, admin, topics);
    const begun = start.begun ? 'before' : 'now';
    if (!start.begun) {
      await writeStartPoints(admin, group, topics.main, start.points);
      const stands = await look();
      // Another process began it just now, where the log ended a moment earlier or later.
      if (!areEqual(stands.points, start.points)) plan = await count(stands);
      start = stands;
    }
    options.planned?.(plan);
    const selects = createSelector(options, codec);
    const ran = await runReplay({ ...tools, clock }, queue, definitions, options, { group, total: plan.jobs, points: start.points, epochs, admin, selects: (record) => selects(record, nowMs) === 'selected' });
    return summarise({ begun, ...ran });
  } finally {
    await admin.close();
  }
}
