import { setTimeout as sleep } from 'node:timers/promises';
import type { AcceptedJob } from '../../guarantees/history.ts';
import type { Arming } from '../arming.ts';
import type { Program } from '../armedProcess.ts';
import type { Armed } from '../failpoint.ts';
import { helperOf, type Leg, type Tour } from '../leg.ts';
import { askHealth } from './playStatus.ts';
import { removeMembers } from './removeMembers.ts';
import { serviceProgram } from './serviceProgram.ts';
import { webhookReceiverOf, type Told, type WebhookReceiver } from './webhookReceiver.ts';

const DARK_MS = 4000;
const MOST_SHOWN = 10;
/** Deliveries that failed in the storm of broken connections wait: 5 s, 20 s, 80 s, each up to a third more. */
const DELIVERED_WITHIN_MS = 150_000;

/**
 * Webhooks processes die, one after the other, while jobs end and their subscribers are told; each goes on where the dead left off. Each end is told, and
 * whatever is told again bears the id that it had. How often nobody says.
 */
export async function playWebhooks(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene, tour } = leg;
  const receiver = await webhookReceiverOf(tour);
  const isCutOff = trouble.shakyNetwork === true || trouble.darkFrom !== undefined;
  const isTold = (): boolean => findUntold(jobsOf(leg), receiver.told).length === 0;
  for (const one of armed.length === 0 ? [null] : armed) {
    await receiver.subscribeGone();
    const startedMs = performance.now();
    const victim = leg.spawn(programOf(tour, receiver), one, trouble);
    await scene.until(`${victim.name} to be ready or gone`, () => victim.ready || !victim.alive || (isCutOff && performance.now() - startedMs > DARK_MS));
    await askHealth(victim);
    await leg.enqueue();
    if (trouble.darkFrom !== undefined) await sleep(DARK_MS);
    await scene.until(`${victim.name} to have told all`, () => !victim.alive || isTold() || trouble.darkFrom !== undefined, DELIVERED_WITHIN_MS);
    if (victim.alive) victim.signal('SIGTERM');
    await leg.untilGone(victim, isCutOff);
    if (victim.diedItself || isCutOff) await Promise.all([`${receiver.queue}.${scene.workload.queue}`, `millrace.${receiver.queue}`].map((group) => removeMembers(tour.brokers, group)));
  }
  await leg.untilSettled();
}

/** The last process, which nothing happens to, tells what all of them have left; then it is judged. */
export async function judgeWebhooks(tour: Tour): Promise<void> {
  const { scene: { accepted }, scene } = tour;
  const receiver = await webhookReceiverOf(tour);
  const last = helperOf(tour, 'last-webhooks', programOf(tour, receiver));
  const untold = (): AcceptedJob[] => findUntold(accepted.filter(({ entity }) => entity.startsWith('leg')), receiver.told);
  // What is still missing then is told as what it is.
  await scene.until('the rest to be told', () => (last.ready && untold().length === 0) || !last.alive, DELIVERED_WITHIN_MS).catch(() => undefined);
  last.signal('SIGTERM');
  await last.ended;
  tour.violations.push(...[
    ...untold().map(({ entity, sequence, id }) => `the end of ${entity}#${sequence} (${id}) was told to nobody`),
    ...judgeTold(accepted, receiver.told),
    ...(last.wrong === null ? [] : [last.wrong]),
  ].slice(0, MOST_SHOWN).map((violation) => `webhooks: ${violation}`));
}

function programOf(tour: Tour, { queue }: WebhookReceiver): Program {
  return serviceProgram(tour, 'webhooks', { url: tour.databaseUrl ?? '' }, { MILLRACE_WEBHOOKS_QUEUE: queue, MILLRACE_WEBHOOKS_ALLOW: '127.0.0.1' });
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
