import { expect, inject, onTestFinished } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { LargePayloadOptions } from '../../../shared/claims/largePayloads.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobOptions } from '../../../shared/jobs/jobOptions.ts';
import { retry } from '../../../shared/jobs/outcome.ts';
import { createMillrace, type Millrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { uniqueName } from '../../topicNames.ts';
import { sampleJob } from '../../unit/worker/sampleJob.ts';
import { until } from '../../until.ts';

export const LARGE = 'all work and no play '.repeat(120_000);

export function openMillrace(largePayloads: LargePayloadOptions): Millrace {
  const millrace = createMillrace({
    brokers: inject('brokers'), registryUrl: inject('registryUrl'), topics: { partitions: 1, replicationFactor: 1 }, largePayloads,
    logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }),
  });
  onTestFinished(() => millrace.close());
  return millrace;
}

export const payload = (sequence: number, large = false, customer = 'ada'): JobV1 => ({ ...sampleJob(sequence, large ? LARGE : 'e'), customer });
export const nameOf = ({ sequence, note }: JobV1): string => `${sequence}${note === LARGE ? 'L' : ''}`;

/** A queue of one kind; `handle` says what each attempt comes to. */
export function defineLargeJob(handle: JobOptions<string, JobV1>['handle'], more: Partial<JobOptions<string, JobV1>> = {}) {
  return defineJob({ kind: 'large.do', queue: uniqueName('large'), schema: jobV1, key: ({ customer }) => customer, retry: { attempts: 2, backoff: { first: '50ms' } }, handle, ...more } as JobOptions<string, JobV1>);
}

/** A payload of 2.5 MB in its place among the small ones of its entity: through a retry, a worker's end, a burial and a redrive. */
export async function playJourney(largePayloads: LargePayloadOptions): Promise<void> {
  const ran: string[] = [];
  let mended = false;
  const job = defineLargeJob((given, ctx) => {
    ran.push(`${nameOf(given)}#${ctx.attempt}`);
    return given.sequence === 2 && !mended ? retry() : undefined;
  }, { whenBuried: 'hold' });
  const millrace = openMillrace(largePayloads);
  await Promise.all([millrace.enqueue(job, payload(1)), millrace.enqueue(job, payload(2, true)), millrace.enqueue(job, payload(3)), millrace.enqueue(job, payload(4, true))]);
  const first = await millrace.work([job]);
  await until(() => ran.includes('2L#2'), 'the second attempt');
  await until(async () => (await millrace.listBuried(job.queue)).length === 1, 'the burial');
  await first.stop();
  mended = true;
  await millrace.work([job]);
  await millrace.redrive(job.queue, () => true);
  await until(() => ran.includes('4L#1'), 'the last');
  expect(ran).toEqual(['1#1', '2L#1', '2L#2', '2L#1', '3#1', '4L#1']);
}
