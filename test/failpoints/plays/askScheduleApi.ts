import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { stepPayload } from '../../guarantees/process/stepJob.ts';

/** A run that the API said Kafka has the command for. */
export interface DoorRun {
  readonly jobId: string;
}

const YEAR_MS = 366 * 86_400_000;

/**
 * Asks a scheduler's API whatever can be asked, about a schedule that ticks never (or once a year): what it answered is noted, and what is not answered promises
 * nothing. It may die of each question.
 */
export async function askScheduleApi(base: string, name: string, { kind, queue, schema: { subject } }: JobDefinition<string, JobV1>, runs: DoorRun[]): Promise<void> {
  const call = (method: string, path: string, body: object | null = null): Promise<{ readonly status: number; readonly json: unknown } | null> => (
    fetch(`${base}/v1/${path}`, { method, ...(body === null ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
      .then(async (response) => ({ status: response.status, json: await response.json().catch<unknown>(() => null) }))
      .catch(() => null)
  );
  const rare = { kind, queue, schema: subject, payload: stepPayload(name, 1), every: '365d', overlap: 'buffer-all' };
  await call('PUT', `schedules/${name}`, rare);
  const run = await call('POST', `schedules/${name}/run`, {});
  if (run?.status === 202) runs.push(run.json as DoorRun);
  await Promise.all([
    call('GET', 'schedules'), call('GET', `schedules/${name}`), call('GET', 'schedules/nobody'), call('PUT', `schedules/${name}-bad`, { ...rare, every: 'never' }), call('DELETE', 'schedules/nobody'),
    call('PUT', `schedules/${name}-gone`, rare).then(() => call('DELETE', `schedules/${name}-gone`)),
    call('PUT', `schedules/${name}-unknown`, { ...rare, schema: 'no.such.subject' }),
    call('POST', `schedules/${name}/pause`, { note: 'a while' }).then(() => call('POST', `schedules/${name}/resume`)),
    call('POST', `schedules/${name}/backfill`, { from: new Date(0).toISOString(), to: new Date(YEAR_MS / 2).toISOString() }),
    call('POST', 'next-ticks', { every: '1h', count: 3 }),
  ]);
}
