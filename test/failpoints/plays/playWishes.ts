import type { Receipt } from '../../../shared/client/receipts.ts';
import { defineStep, stepPayload } from '../../guarantees/process/stepJob.ts';
import { fateOf } from '../../guarantees/process/workload.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import type { Leg } from '../leg.ts';
import { playWorker } from './playWorker.ts';
import { readPausedKeys } from './readLog.ts';
import { giveWishes } from './wishes.ts';

const HOUR = '1h';

/**
 * What operators wish, of workers that die. A paused entity's jobs do not start before it is resumed, and one of them, cancelled meanwhile, never; jobs
 * of another time are cancelled, or run now; and of two with one id, one runs. What may never run is not in the scene's list of what was accepted: if it
 * runs, or waits at the end, that is told.
 */
export async function playWishes(leg: Leg, armed: readonly Armed[]): Promise<void> {
  const { scene } = leg;
  const { queue } = scene.workload;
  const paused: string[] = [];
  const held: { readonly entity: string; readonly sequence: number; readonly receipt: Receipt }[] = [];
  await playWorker(leg, armed, {
    async prepare() {
      const entity = `${leg.name}-paused${paused.length}`;
      await scene.millrace.pause(queue, { key: entity });
      paused.push(entity);
      await scene.until('the pause to be heeded', async () => (await readPausedKeys(scene)).has(entity));
    },
    async enqueue() {
      const round = paused.length - 1;
      const [entity = ''] = paused.slice(-1);
      const other = (name: string): string => calmEntity(leg, `${leg.name}-${name}${round}`);
      await Promise.all([
        leg.enqueue(),
        (async () => {
          const still = [await send(leg, entity, 1), await send(leg, entity, 2), await send(leg, entity, 3)] as const;
          await scene.millrace.cancel(queue, still[1]);
          held.push(...[1, 3].map((sequence) => ({ entity, sequence, receipt: still[sequence - 1] as Receipt })));
        })(),
        (async () => {
          await scene.millrace.cancel(queue, [await send(leg, other('cancelled'), 1, { delay: HOUR }), await send(leg, other('cancelled'), 2, { delay: HOUR })]);
        })(),
        (async () => {
          const soon = await send(leg, other('sooner'), 1, { delay: HOUR });
          accept(leg, other('sooner'), 1, soon);
          await scene.millrace.runNow(queue, soon);
        })(),
        (async () => {
          const id = `${queue}-${other('twin')}`;
          accept(leg, other('twin'), 1, await send(leg, other('twin'), 1, { id, unique: HOUR }));
          await send(leg, other('twin'), 1, { id, unique: HOUR });
        })(),
      ]);
    },
    async finish() {
      await leg.untilSettled();
      for (const { entity, sequence, worker } of scene.lines) if (paused.includes(entity)) leg.tour.violations.push(`${entity}#${sequence} ran on ${worker} in its pause`);
      for (const entity of paused) await scene.millrace.resume(queue, { key: entity });
      for (const { entity, sequence, receipt } of held) accept(leg, entity, sequence, receipt);
    },
  });
}

/**
 * The operator's process dies. What it got into Kafka holds, and nothing else changed; the same is asked again, and then it is as it was wished.
 */
export async function playWishingCommand(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene } = leg;
  const { queue } = scene.workload;
  for (const [round, one] of (armed.length === 0 ? [null] : armed).entries()) {
    const name = (what: string): string => calmEntity(leg, `${leg.name}-${what}${round}`);
    await scene.millrace.pause(queue, { key: name('resumed') });
    await scene.until('the pause to be heeded', async () => (await readPausedKeys(scene)).has(name('resumed')));
    const [resumed, cancelled, soon] = [await send(leg, name('resumed'), 1), await send(leg, name('cancelled'), 1, { delay: HOUR }), await send(leg, name('sooner'), 1, { delay: HOUR })] as const;
    const wishes = { pause: name('paused'), resume: name('resumed'), cancel: [cancelled], runNow: [soon] };
    await leg.untilGone(leg.spawn({ main: 'test/failpoints/victims/command.main.ts', arguments: ['wishes', JSON.stringify(wishes)] }, one, trouble), trouble.darkFrom !== undefined);
    await giveWishes(scene.millrace, queue, wishes);
    await scene.until('the pause to be heeded', async () => (await readPausedKeys(scene)).has(name('paused')));
    const held = await send(leg, name('paused'), 1);
    accept(leg, name('resumed'), 1, resumed);
    accept(leg, name('sooner'), 1, soon);
    await leg.untilSettled();
    if (scene.lines.some(({ id }) => id === held.id)) leg.tour.violations.push(`${name('paused')}#1 ran in its pause`);
    await scene.millrace.resume(queue, { key: name('paused') });
    accept(leg, name('paused'), 1, held);
    await leg.untilSettled();
  }
}

/** One whose first job does not fail: to run it now would end its wait for a retry, too. */
function calmEntity(leg: Leg, name: string): string {
  return fateOf(leg.scene.workload, name, 1, 1, false) === 'done' ? name : calmEntity(leg, `${name}x`);
}

/** Enqueues one job; {@link accept} says that it is to run. */
function send({ scene }: Leg, entity: string, sequence: number, options: { readonly delay?: typeof HOUR; readonly id?: string; readonly unique?: typeof HOUR } = {}): Promise<Receipt> {
  const job = defineStep(scene.workload, { worker: 'scene', write: () => undefined, isMended: () => false, nowMs: () => 0 });
  return scene.millrace.enqueue(job, stepPayload(entity, sequence), options);
}

function accept({ scene }: Leg, entity: string, sequence: number, { id, partition, offset }: Receipt): void {
  scene.accepted.push({ id, entity, sequence, partition, offset });
}
