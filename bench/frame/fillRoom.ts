import type { RoomPlan, RoomTold } from '../children/roomPlan.ts';
import { startChild, type Child } from '../process/child.ts';
import { machineMs } from '../process/machineClock.ts';
import type { Place, Settings } from '../systems/system.ts';
import { loadSystem } from '../systems/systems.ts';
import type { Bench } from './bench.ts';
import { enqueueLoad } from './enqueue.ts';

const STALLED_MS = 60_000;

/** Starts a worker whose jobs all wait, and resolves when each of its partitions is restored. */
export async function openRoom(plan: RoomPlan): Promise<{ readonly child: Child<RoomTold>; readonly opened: Promise<{ readonly assignedMs: number; readonly openMs: number; readonly waiting: number }> }> {
  const child = startChild<RoomTold>('children/room.main.ts', { ...plan });
  const owned = new Set<number>();
  const open = new Map<number, number>();
  let assignedMs = 0;
  const { promise: opened, resolve, reject } = Promise.withResolvers<{ assignedMs: number; openMs: number; waiting: number }>();
  opened.catch(() => undefined);
  child.on('assigned', ({ atMs, partitions }) => {
    assignedMs = assignedMs === 0 ? atMs : assignedMs;
    for (const partition of partitions) owned.add(partition);
  });
  child.on('active', ({ atMs, partition, waiting }) => {
    open.set(partition, waiting);
    if (open.size === owned.size) resolve({ assignedMs, openMs: atMs, waiting: [...open.values()].reduce((sum, one) => sum + one, 0) });
  });
  void child.ended.then(() => { reject(new Error('the worker ended before its waiting rooms were restored')); });
  await child.hear('ready', 60_000);
  child.send({ type: 'go' });
  return { child, opened };
}

/**
 * Has a worker move `waiting` jobs, due tomorrow, from the main topic to its waiting rooms; then kills it, or lets it stop.
 * @returns how many it took in: fewer than all where its bounds stopped it
 */
export async function fillRoom(bench: Bench, place: Place, options: Omit<RoomPlan, 'place'> & { readonly waiting: number; readonly end: 'kill' | 'stop' }): Promise<number> {
  const { waiting, end, ...plan } = options;
  const settings: Settings = plan.settings;
  await enqueueLoad({ system: 'millrace', place, load: { jobs: waiting, keys: Math.min(waiting, 100_000), skew: 'even', workMs: 0, delayed: true }, settings, mode: { type: 'bulk' }, serverPid: null });
  const watcher = await (await loadSystem('millrace')).watch(place, { mainOnly: true });
  const { child, opened } = await openRoom({ place, ...plan });
  try {
    await opened;
    let left = waiting;
    for (let movedMs = machineMs(); left > 0;) {
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      const now = await watcher.pending();
      if (now < left) movedMs = machineMs();
      left = now;
      if (machineMs() - movedMs > STALLED_MS) break;
    }
    if (left > 0) bench.say(`  the waiting room took ${waiting - left} of ${waiting} jobs, and then no more`);
    if (end === 'kill') child.kill('SIGKILL');
    else child.send({ type: 'stop' });
    await child.ended;
    return waiting - left;
  } finally {
    await child.dismiss();
    await watcher.close();
  }
}
