import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import type { AcceptedJob, Cut, WitnessLine } from '../../guarantees/history.ts';
import type { Scene } from '../../guarantees/scene.ts';
import type { Arming } from '../arming.ts';
import type { ArmedProcess } from '../armedProcess.ts';
import type { Armed } from '../failpoint.ts';
import type { Leg } from '../leg.ts';
import { judgeRerun } from './judgeRerun.ts';
import { removeMembers } from './removeMembers.ts';

/** What a replay's process is told. */
export interface ReplayWish {
  readonly name: string;
  readonly perSecond: number;
  readonly offsets: readonly (readonly [partition: number, from: number, to: number])[];
}

const PER_SECOND = 120;
/** What waits for a retry waits in memory, and so is tried from its first attempt again. */
const WAITED_MS = 1000;
const MOST_PROCESSES = 3;

/**
 * A replay of most of the leg's jobs, beside the queue, dies or is stopped in the middle; it goes on under its name in the next process. Each job of the range is
 * run again, in order, and none outside of it; what is repeated is the end of what a process did; and of the queue itself nothing changes.
 */
export async function playReplay(leg: Leg, armed: readonly Armed[], trouble: Partial<Arming> = {}): Promise<void> {
  const { scene, tour } = leg;
  const { queue } = scene.workload;
  for (const [round, one] of (armed.length === 0 ? [null] : armed).entries()) {
    await leg.enqueue();
    await leg.enqueue();
    await leg.untilSettled();
    await scene.untilCommitted();
    const before = await lookAt(scene);
    const range = cutRange(scene.accepted.filter(({ entity }) => leg.owns(entity)));
    const wish: ReplayWish = { name: `${leg.name}-${round}`, perSecond: PER_SECOND, offsets: range.offsets };
    const witnessFile = join(tour.folder, `${wish.name}.witness`);
    const cuts: Cut[] = [];
    let victim: ArmedProcess | null = null;
    for (let number = 1; number <= MOST_PROCESSES && victim?.lines.includes('complete') !== true; number++) {
      const isFirst = number === 1;
      const died = leg.victims.some(({ death, arming }) => death !== null && arming.armed === one);
      const isTroubled = isFirst || !died;
      victim = leg.spawn({ main: 'test/failpoints/victims/replay.main.ts', arguments: [JSON.stringify(wish)] }, isTroubled ? one : null, isFirst ? trouble : {}, { witnessFile });
      const { name } = victim;
      const running = victim;
      if (isFirst) await scene.until(`${name} to have run half`, () => !running.alive || linesOf(witnessFile).filter(({ type }) => type === 'end').length > range.jobs.length / 2 || running.lines.includes('complete'));
      if (isFirst && victim.alive) victim.signal('SIGTERM');
      const stoppedMs = Date.now();
      await leg.untilGone(victim, trouble.shakyNetwork === true);
      const cut = tour.cuts.findLast(({ worker }) => worker === name);
      cuts.push(cut === undefined ? { type: 'killed', worker: name, atMs: stoppedMs, sinceMs: stoppedMs - WAITED_MS } : { ...cut, sinceMs: (cut.sinceMs ?? cut.atMs) - WAITED_MS });
      const counted = victim.lines.find((line) => line.startsWith('counted'));
      if (isFirst && counted !== undefined && counted !== `counted ${range.jobs.length}`) tour.violations.push(`${leg.name}: replay: a dry run ${counted} of ${range.jobs.length} jobs`);
      if (victim.diedItself) await removeMembers(tour.brokers, `millrace.${queue}.replay.${wish.name}`);
    }
    if (victim?.lines.includes('complete') !== true) tour.violations.push(`${leg.name}: replay: it does not end: ${leg.victims.map(({ lines }) => lines.join(' ')).join(' | ')}`);
    const after = await lookAt(scene);
    if (!isDeepStrictEqual(before, after)) tour.violations.push(`${leg.name}: replay: the queue is not what it was: ${JSON.stringify(before)}, now ${JSON.stringify(after)}`);
    tour.violations.push(...judgeRerun({ ...scene.historySoFar(), accepted: range.jobs, lines: linesOf(witnessFile), cuts, commits: [] }).map((violation) => `${leg.name}: replay: ${violation}`));
  }
}

/** Of each partition all but the first and the last of these jobs; a partition that has no more than two is left out. */
function cutRange(jobs: readonly AcceptedJob[]): { readonly offsets: ReplayWish['offsets']; readonly jobs: AcceptedJob[] } {
  const offsets = [...Map.groupBy(jobs, ({ partition }) => partition)].flatMap(([partition, all]) => {
    const sorted = all.map(({ offset }) => offset).sort((a, b) => a - b);
    return sorted.length > 2 ? [[partition, sorted[1] ?? 0, sorted.at(-1) ?? 0] as const] : [];
  });
  return { offsets, jobs: jobs.filter((job) => offsets.some(([partition, from, to]) => job.partition === partition && job.offset >= from && job.offset < to)) };
}

/** What a replay must leave alone. */
async function lookAt({ admin, workload: { queue } }: Scene): Promise<object> {
  const names = queueTopicNames(queue);
  const group = `millrace.${queue}`;
  return { main: await admin.logBounds(names.main), dlq: await admin.logBounds(names.dlq), committed: (await admin.committed(group, names.main)).map(({ partition, position }) => [partition, position?.offset]) };
}

function linesOf(file: string): WitnessLine[] {
  if (!existsSync(file)) return [];
  // The last line may be on its way.
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line) as WitnessLine);
}
