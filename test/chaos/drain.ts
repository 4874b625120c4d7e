import { setTimeout as sleep } from 'node:timers/promises';
import { isBatchEntity } from './chaosKinds.ts';
import type { ChaosStage } from './chaosStage.ts';
import { readMainLog, type MainLog } from './check/mainLog.ts';
import type { Journal } from './journal.ts';

/** Nothing moved for so long after everything was healed: it will not any more. */
const GIVE_UP_MS = 60_000;
const LOOK_MS = 500;

/** After the heal: waits until every job of the log has come to its end and all is committed. @returns the log, and what did not come to its end */
export async function drain(stage: ChaosStage, journal: Journal): Promise<{ readonly log: MainLog; readonly stuck: string[] }> {
  const { broker, admin, queue, group, witness, workload } = stage;
  const log = await readMainLog(broker, admin, queue);
  const open = new Set(log.jobs.map(({ entity, id, partition, offset }) => (isBatchEntity(entity) ? id : `${partition}/${offset}`)));
  let [seen, movedMs, toldMs] = [0, performance.now(), 0];
  while (open.size > 0) {
    const lines = witness.read();
    if (lines.length > seen) movedMs = performance.now();
    for (; seen < lines.length; seen++) {
      const line = lines[seen];
      if (line?.type !== 'end') continue;
      const isOver = line.outcome === 'done' || line.outcome === 'dead' || (line.outcome === 'retry' && line.attempt >= workload.attempts);
      if (isOver) open.delete(line.place ?? line.id);
    }
    if (performance.now() - toldMs > 10_000) {
      toldMs = performance.now();
      journal.tell('drain', `${open.size} jobs left`);
    }
    if (open.size > 0 && performance.now() - movedMs > GIVE_UP_MS) return { log, stuck: [`live means progress: ${open.size} jobs are left, and nothing moved for ${GIVE_UP_MS / 1000} s: ${[...open].slice(0, 10).join(', ')}`] };
    await sleep(LOOK_MS);
  }
  const endMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const [bounds, committed] = await Promise.all([admin.logBounds(queue), admin.committed(group, queue)]);
    const behind = bounds.filter(({ partition, endOffset }) => endOffset > 0 && committed.find((one) => one.partition === partition)?.position?.offset !== endOffset);
    if (behind.length === 0) break;
    if (performance.now() > endMs) return { log, stuck: behind.map(({ partition, endOffset }) => `live means progress: all of partition ${partition} is finished, and ${committed.find((one) => one.partition === partition)?.position?.offset ?? 'nothing'} of ${endOffset} is committed`) };
    await sleep(LOOK_MS);
  }
  // The DLQ has grown meanwhile.
  return { log: await readMainLog(broker, admin, queue), stuck: [] };
}

/** Stops all workers cleanly and lets one more open everything: it must find empty waiting rooms, and run nothing. @returns what is wrong */
export async function proveEmpty(stage: ChaosStage): Promise<string[]> {
  const { fleet, witness, topics, watch } = stage;
  const wrong: string[] = [];
  await Promise.all(fleet.living.map(async (worker) => { if (!await fleet.stop(worker)) wrong.push(`clean stop: ${worker.workerId} did not end cleanly`); }));
  const linesBefore = witness.read().length;
  const heir = fleet.hire();
  const endMs = performance.now() + GIVE_UP_MS;
  const opened = (): Map<number, number> => new Map(heir.all('active').map(({ partition, waiting }) => [partition, waiting]));
  while (opened().size < topics.partitions && performance.now() < endMs) await sleep(LOOK_MS);
  if (opened().size < topics.partitions) wrong.push(`live means progress: an heir opened ${opened().size} of ${topics.partitions} partitions`);
  for (const [partition, waiting] of opened()) if (waiting > 0) wrong.push(`nothing waits that is finished: partition ${partition} has ${waiting} waiting jobs when all is done`);
  await fleet.stop(heir);
  await watch.stop();
  const more = witness.read().length - linesBefore;
  if (more > 0) wrong.push(`bounded repeats: an heir of a clean stop ran something (${more} lines)`);
  return wrong;
}
