import { setTimeout as sleep } from 'node:timers/promises';
import type { Arming } from '../arming.ts';
import type { ArmedProcess, Program } from '../armedProcess.ts';
import type { Armed } from '../failpoint.ts';
import type { Leg, Tour } from '../leg.ts';
import { removeMembers } from './removeMembers.ts';
import { serviceProgram } from './serviceProgram.ts';

/** No job has such an offset. */
const BEYOND = 10 ** 9;
const DARK_MS = 4000;

/**
 * A status service dies while jobs run and somebody asks about them; the next one goes on from the same tables. Whoever has a receipt finds the job, at
 * whichever of them. What the tables say is judged at the end of the tour: see `judgeTables`.
 */
export async function playStatus(leg: Leg, armed: readonly Armed[], { trouble = {}, flags = [] }: { readonly trouble?: Partial<Arming>; readonly flags?: readonly string[] } = {}): Promise<void> {
  const { scene, tour } = leg;
  const isCutOff = trouble.shakyNetwork === true || trouble.darkFrom !== undefined;
  for (const one of armed.length === 0 ? [null] : armed) {
    const victim = leg.spawn({ ...statusProgram(tour), arguments: flags }, one, trouble);
    await scene.until(`${victim.name} to answer or be gone`, () => victim.address !== null || !victim.alive);
    await leg.enqueue();
    const asking = askAbout(leg, victim);
    if (trouble.darkFrom !== undefined) await sleep(DARK_MS);
    else await scene.until(`${victim.name} to have told all`, () => !victim.alive || (asking.told && leg.isSettled()));
    if (victim.alive) victim.signal('SIGTERM');
    await leg.untilGone(victim, isCutOff);
    await asking.over;
    if (victim.diedItself || isCutOff) await removeMembers(tour.brokers, `millrace.status.${scene.workload.queue}`);
  }
  await leg.untilSettled();
}

export function statusProgram(tour: Tour): Program {
  return serviceProgram(tour, 'status', { url: tour.databaseUrl ?? '' }, { MILLRACE_STATUS_QUEUES: tour.scene.workload.queue, MILLRACE_STATUS_READ_WAIT: '2s' });
}

/** Asks whatever can be asked, until all is told or it is gone; a 404 for a job that was accepted is a violation. */
function askAbout(leg: Leg, victim: ArmedProcess): { readonly told: boolean; readonly over: Promise<void> } {
  const { scene, tour } = leg;
  const { queue } = scene.workload;
  const base = victim.address;
  const jobs = scene.accepted.filter(({ entity }) => leg.owns(entity)).slice(-16);
  const [first, ...others] = jobs;
  let told = base === null;
  const get = (path: string): Promise<Response | null> => (
    fetch(`${base}${path}`).then(async (response) => {
      await response.text();
      return response;
    }).catch(() => null)
  );
  const find = async (path: string, what: string): Promise<void> => {
    // Behind is an answer, for a while; not there is none.
    for (let status: number | undefined = 503; status === 503 && victim.alive;) {
      status = (await get(path))?.status;
      if (status === 404) tour.violations.push(`${what} was accepted, and ${victim.name} answers 404`);
    }
  };
  const ask = async (): Promise<void> => {
    if (base === null || first === undefined) return;
    await Promise.all([
      // Ends when the job does.
      find(`/v1/jobs/${first.id}/events`, `${first.entity}#${first.sequence}`),
      ...others.map(({ id, entity, sequence, partition, offset }, index) => find(`/v1/jobs/${id}${index % 2 === 0 ? `?after=${queue}/${partition}/${offset}` : ''}`, `${entity}#${sequence}`)),
      find(`/v1/jobs/${first.id}/timeline`, `${first.entity}#${first.sequence}`),
      find(`/v1/jobs/${first.id}/explain`, `${first.entity}#${first.sequence}`),
      askHealth(victim),
    ]);
    // The queue is known by now.
    await Promise.all([
      `/v1/jobs?queue=${queue}&limit=5`, `/v1/jobs?id=${first.id}`, '/v1/queues', `/v1/queues/${queue}`, `/v1/queues/${queue}/minutes`, '/v1/jobs/nobody', '/v1/queues/none', '/v1/jobs?cursor=wrong',
      `/v1/jobs/${first.id}?after=${queue}/0/${BEYOND}`, `/v1/jobs/${first.id}?after=no-such-queue/0/1`,
    ].map(get));
    await giveIdleCommands(base, queue, first.id);
    told = true;
  };
  return { over: ask(), get told() { return told; } };
}

/** Commands that change nothing for any job: about one that is over, about an entity and jobs that there are not. */
async function giveIdleCommands(base: string, queue: string, over: string): Promise<void> {
  const call = (method: string, path: string, body: object | null = null): Promise<unknown> => (
    fetch(`${base}${path}`, { method, ...(body === null ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) }).then((response) => response.text()).catch(() => null)
  );
  await Promise.all([
    call('POST', `/v1/jobs/${over}/cancel`), call('POST', `/v1/jobs/${over}/run-now`), call('POST', `/v1/queues/${queue}/redrive`, { ids: ['nobody'] }), call('POST', `/v1/queues/${queue}/discard`, { ids: ['nobody'] }),
    call('GET', `/v1/queues/${queue}/pauses`), call('GET', `/v1/queues/${queue}/dead`), call('GET', '/v1/tag-rules'), call('POST', '/v1/tag-rules', { tag: 'none', kind: 'none' }),
    call('PUT', `/v1/jobs/${over}/tags/seen`).then(() => call('DELETE', `/v1/jobs/${over}/tags/seen`)),
    call('POST', `/v1/queues/${queue}/pause`, { key: 'nobody' }).then(() => call('POST', `/v1/queues/${queue}/resume`, { key: 'nobody' })),
  ]);
}

/** Whoever watches the service asks it how it is; it may die of the question. */
export async function askHealth(victim: ArmedProcess): Promise<void> {
  const port = victim.lines.map((line) => /"port":(\d+)/.exec(line)?.[1]).find((found) => found !== undefined);
  if (port === undefined) return;
  await Promise.allSettled(['metrics', 'livez', 'readyz'].map((path) => fetch(`http://127.0.0.1:${port}/${path}`).then((answer) => answer.text())));
}
