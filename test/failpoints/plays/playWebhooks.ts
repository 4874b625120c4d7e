import { setTimeout as sleep } from 'node:timers/promises';
import type { AcceptedJob } from '../../guarantees/history.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import { helperOf, type Leg, type Tour } from '../leg.ts';
import { askHealth } from './playStatus.ts';
import { removeMembers } from './removeMembers.ts';
import { serviceProgram } from './serviceProgram.ts';
import { webhookReceiverOf, type Told } from './webhookReceiver.ts';

const DARK_MS = 4000;

/**
 * A webhooks process dies while jobs end and their subscribers are told; the next one goes on. Each end is told, and whatever is told again bears the id that it had.
 * How often nobody says; that it ends is what the next leg's jobs show.
 */
export async function playWebhooks(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene, tour } = leg;
  const receiver = await webhookReceiverOf(tour);
  const program = serviceProgram(tour, 'webhooks', { url: tour.databaseUrl ?? '' }, { MILLRACE_WEBHOOKS_QUEUE: receiver.queue, MILLRACE_WEBHOOKS_ALLOW: '127.0.0.1' });
  const isCutOff = trouble.shakyNetwork === true || trouble.darkFrom !== undefined;
  const isTold = (): boolean => findUntold(jobsOf(leg), receiver.told).length === 0;
  for (const [round, one] of (armed.length === 0 ? [null] : armed).entries()) {
    await receiver.subscribeGone();
    const startedMs = performance.now();
    const victim = leg.spawn(program, one, trouble);
    await scene.until(`${victim.name} to be ready or gone`, () => victim.ready || !victim.alive || (isCutOff && performance.now() - startedMs > DARK_MS));
    await askHealth(victim);
    await leg.enqueue();
    if (trouble.darkFrom !== undefined) await sleep(DARK_MS);
    await scene.until(`${victim.name} to have told all`, () => !victim.alive || isTold() || trouble.darkFrom !== undefined);
    if (victim.alive) victim.signal('SIGTERM');
    await leg.untilGone(victim, isCutOff);
    if (victim.diedItself || isCutOff) await Promise.all([`${receiver.queue}.${scene.workload.queue}`, `millrace.${receiver.queue}`].map((group) => removeMembers(tour.brokers, group)));
    if (isTold()) continue;
    const next = helperOf(tour, `${leg.name}-next${round}`, program);
    await scene.until('the rest to be told', () => isTold() || !next.alive).catch(() => undefined);
    next.signal('SIGTERM');
    await next.ended;
    if (next.wrong !== null) tour.violations.push(`${leg.name}: ${next.wrong}`);
    const untold = findUntold(jobsOf(leg), receiver.told);
    tour.violations.push(...untold.slice(0, 3).map(({ entity, sequence, id }) => `${leg.name}: webhooks: the end of ${entity}#${sequence} (${id}) was told to nobody; ${untold.length} in all`));
  }
  await leg.untilSettled();
}

/** What was told, of whatever there was: see {@link judgeTold}. */
export async function judgeWebhooks(tour: Tour): Promise<void> {
  const { told } = await webhookReceiverOf(tour);
  tour.violations.push(...judgeTold(tour.scene.accepted, told).map((violation) => `webhooks: ${violation}`));
}

/** Each job's end has one id and one body, however often it was told, and no other's; and nothing was told of what there is not. Pure. */
export function judgeTold(accepted: readonly AcceptedJob[], told: readonly Told[]): string[] {
  const jobs = new Map(accepted.map((job) => [job.id, `${job.entity}#${job.sequence}`]));
  const violations: string[] = [];
  for (const [id, same] of Map.groupBy(told, (one) => one.id)) {
    const bodies = new Set(same.map(({ body }) => body));
    if (bodies.size > 1) violations.push(`${id} told ${bodies.size} things: ${[...bodies].join(' | ')}`);
  }
  for (const [job, same] of Map.groupBy(told, (one) => one.job)) {
    const ids = new Set(same.map(({ id }) => id));
    if (ids.size > 1) violations.push(`the end of ${jobs.get(job) ?? job} was told under ${ids.size} ids: ${[...ids].join(', ')}`);
    if (!jobs.has(job)) violations.push(`${job} was told of, and there is no such job`);
  }
  return violations;
}

/** Jobs of which nobody took the end. */
function findUntold(jobs: readonly AcceptedJob[], told: readonly Told[]): AcceptedJob[] {
  const taken = new Set(told.filter((one) => one.taken).map(({ job }) => job));
  return jobs.filter(({ id }) => !taken.has(id));
}

function jobsOf(leg: Leg): AcceptedJob[] {
  return leg.scene.accepted.filter(({ entity }) => leg.owns(entity));
}
