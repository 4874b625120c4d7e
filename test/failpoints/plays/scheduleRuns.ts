import { setTimeout as sleep } from 'node:timers/promises';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { Schedules } from '../../../shared/schedules/schedules.ts';
import type { Tour } from '../leg.ts';
import type { ScheduleRun } from './judgeRuns.ts';

/** What the schedules of a tour make, seen by a worker that nothing happens to. */
export interface ScheduleRuns {
  readonly job: JobDefinition<string, JobV1>;
  readonly topic: string;
  readonly runs: readonly ScheduleRun[];
  readonly schedules: Schedules;
  /** What is to be judged when all is at rest: each resolves with what is wrong. */
  readonly judges: (() => Promise<string[]>)[];
}

/** Beyond the time between two ticks. */
const SLOW_MS = 1300;
/** Nobody dies here: a busy machine must not look like it. */
const SESSION_MS = 60_000;
const opened = new WeakMap<Tour, Promise<ScheduleRuns>>();

/** Of this tour; opened when it is first asked for. */
export function scheduleRunsOf(tour: Tour): Promise<ScheduleRuns> {
  const known = opened.get(tour) ?? open(tour);
  opened.set(tour, known);
  return known;
}

/** Runs of a schedule with `slow` in its name take longer than the time between two ticks, and end when they are told to. */
async function open({ scene, brokers, registryUrl, closers }: Tour): Promise<ScheduleRuns> {
  const topic = `${scene.workload.queue}.schedules`;
  const millrace = createMillrace({
    brokers, registryUrl, schedulesTopic: topic, topics: { partitions: 2, replicationFactor: 1 }, logger: createLogger({ level: 'silent', service: 'runs', clock: systemClock }),
  });
  closers.push(() => millrace.close());
  const runs: ScheduleRun[] = [];
  const job = defineJob({
    kind: 'failpoints.scheduled', queue: `${scene.workload.queue}-runs`, schema: jobV1, key: null, order: 'none',
    async handle(_payload: JobV1, { id, tick, signal }) {
      const run: ScheduleRun = { id, schedule: tick?.schedule ?? '', tickMs: tick?.at.getTime() ?? 0, startMs: performance.now(), endMs: null, aborted: false };
      runs.push(run);
      if (run.schedule.includes('slow')) run.aborted = !await sleep(SLOW_MS, true, { signal }).catch(() => false);
      run.endMs = performance.now();
    },
  });
  await millrace.work([job], { sessionTimeoutMs: SESSION_MS });
  return { job, topic, runs, schedules: millrace.schedules, judges: [] };
}
