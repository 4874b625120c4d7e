import type { Receipt } from '../../../shared/client/receipts.ts';
import { defineStep, stepPayload } from '../../guarantees/process/stepJob.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import type { Leg } from '../leg.ts';
import { buries, readExecutions } from '../../guarantees/executions.ts';
import type { AcceptedJob } from '../../guarantees/history.ts';
import { judgeRerun } from './judgeRerun.ts';

const LATER = 12;

/** Where a queue's group is moved to, as an operator's command is told. */
export interface MoveWish {
  /** Null: to the end, whatever has not run. */
  readonly offsets: readonly (readonly [partition: number, offset: number])[] | null;
}

/**
 * An operator moves a queue's offsets back while no worker is there, and dies; asked again, all from there on runs again, in order, and nothing before it does; what
 * was enqueued meanwhile runs too.
 */
export async function playMoveBack(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene, tour } = leg;
  for (const one of armed.length === 0 ? [null] : armed) {
    const later = await sendLater(leg);
    await leg.enqueue();
    await leg.untilSettled();
    await stopSurvivor(leg);
    const offsets = middles(scene.accepted.filter(({ entity }) => leg.owns(entity)));
    await leg.enqueue();
    await giveMove(leg, { offsets: [...offsets] }, one, trouble);
    const mark = scene.lines.length;
    const again = scene.accepted.filter(({ partition, offset }) => offset >= (offsets.get(partition) ?? Infinity) || isNew(leg, partition, offset));
    tour.survivor = await tour.startSurvivor(`${leg.name}-s${leg.victims.length}`);
    const executions = () => readExecutions(scene.lines.slice(mark));
    // What is still missing then is told as what it is.
    await scene.until('the jobs to have run again', () => {
      const ended = new Set(executions().filter((execution) => execution.outcome === 'done' || buries(execution, scene.historySoFar().policy)).map(({ start }) => start.id));
      return again.every(({ id }) => ended.has(id));
    }).catch(() => undefined);
    await scene.millrace.cancel(scene.workload.queue, later);
    await scene.untilCommitted();
    tour.violations.push(...judgeRerun({ ...scene.historySoFar(), accepted: again, lines: scene.lines.slice(mark), cuts: [], commits: [] }).map((violation) => `${leg.name}: moved back: ${violation}`));
  }
}

/** An operator gives up what has not run, and dies; asked again, none of it ever runs, and all that comes later does. */
export async function playMoveToEnd(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene, tour } = leg;
  for (const one of armed.length === 0 ? [null] : armed) {
    await leg.enqueue();
    await leg.untilSettled();
    await stopSurvivor(leg);
    const before = scene.accepted.length;
    await leg.enqueue();
    // What never runs is not in the scene's list: if it does, that is told.
    scene.accepted.splice(before);
    await giveMove(leg, { offsets: null }, one, trouble);
    tour.survivor = await tour.startSurvivor(`${leg.name}-s${leg.victims.length}`);
    await leg.enqueue();
    await leg.untilSettled();
    await scene.untilCommitted();
  }
}

async function giveMove(leg: Leg, wish: MoveWish, one: Armed | null, trouble: Partial<Arming>): Promise<void> {
  const { scene: { millrace, workload: { queue } } } = leg;
  await leg.untilGone(leg.spawn({ main: 'test/failpoints/victims/command.main.ts', arguments: ['move', JSON.stringify(wish)] }, one, trouble), trouble.darkFrom !== undefined);
  await millrace.moveOffsets(queue, wish.offsets === null ? 'end' : { offsets: new Map(wish.offsets) }, { force: true });
}

/** Jobs that wait for long: behind them the waiting room keeps the tombstones of others, which call settled what is to run again. */
async function sendLater({ name, scene, victims }: Leg): Promise<Receipt[]> {
  const job = defineStep(scene.workload, { worker: 'scene', write: () => undefined, isMended: () => false, nowMs: () => 0 });
  return scene.millrace.enqueueMany(Array.from({ length: LATER }, (_, index) => [job, stepPayload(`${name}-later${victims.length}-${index}`, 1), { delay: '1h' }] as const));
}

async function stopSurvivor({ tour, scene }: Leg): Promise<void> {
  await scene.untilCommitted();
  await tour.survivor?.stop();
  tour.survivor = null;
}

/** The jobs of a leg's last batch have not run. */
function isNew({ scene: { lines, accepted } }: Leg, partition: number, offset: number): boolean {
  const job = accepted.find((one) => one.partition === partition && one.offset === offset);
  return !lines.some(({ id }) => id === job?.id);
}

/** Of each partition the offset in the middle of these jobs. */
function middles(jobs: readonly AcceptedJob[]): Map<number, number> {
  return new Map([...Map.groupBy(jobs, ({ partition }) => partition)].map(([partition, all]) => [partition, all.map(({ offset }) => offset).sort((a, b) => a - b)[all.length >> 1] ?? 0]));
}
