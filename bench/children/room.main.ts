import { hearPlan } from '../process/inChild.ts';
import { machineMs } from '../process/machineClock.ts';
import { openMillraceWorker } from '../systems/millrace.ts';
import type { RoomPlan, RoomTold } from './roomPlan.ts';

/** A worker that tells when its waiting rooms are restored. Words of the parent: `go`, `measure`, `stop`. */
const { plan: { place, settings, limits, spillFolder }, ...parent } = await hearPlan<RoomPlan>();
const tell = (told: RoomTold): void => { parent.tell(told); };
const worker = openMillraceWorker(place, { jobs: 0, keys: 1, skew: 'even', workMs: 0 }, settings, () => undefined, {
  limits,
  ...(spillFolder === null ? {} : { spill: { folder: spillFolder } }),
  told: {
    partitionsAssigned: (partitions) => { tell({ type: 'assigned', atMs: machineMs(), partitions }); },
    notice: (partition, notice) => { if (notice.type === 'active') tell({ type: 'active', atMs: machineMs(), partition, waiting: notice.waiting }); },
  },
});
tell({ type: 'ready' });
await parent.hear('go');
const cpu = process.cpuUsage();
await worker.start();
void parent.hear('measure').then(() => {
  const { user, system } = process.cpuUsage(cpu);
  tell({ type: 'memory', peakRssMb: process.resourceUsage().maxRSS / 1024, rssMb: process.memoryUsage.rss() / 2 ** 20, heapMb: process.memoryUsage().heapUsed / 2 ** 20, cpuSeconds: (user + system) / 1e6 });
});
await parent.hear('stop');
await worker.stop();
process.exit(0);
