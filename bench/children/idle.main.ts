import { hearPlan } from '../process/inChild.ts';
import { loadSystem } from '../systems/systems.ts';
import type { IdlePlan, IdleTold } from './idlePlan.ts';

/** One worker process on queues in which nothing happens. Words of the parent: `go`, `mark`, `report`, `stop`. */
const { plan: { places, settings, ...plan }, ...parent } = await hearPlan<IdlePlan>();
const tell = (told: IdleTold): void => { parent.tell(told); };
const system = await loadSystem(plan.system);
tell({ type: 'ready' });
await parent.hear('go');
const worker = await system.workerOfMany(places, settings);
tell({ type: 'started' });
await parent.hear('mark');
const cpu = process.cpuUsage();
const startMs = performance.now();
await parent.hear('report');
const { user, system: kernel } = process.cpuUsage(cpu);
tell({ type: 'figures', cpuSeconds: (user + kernel) / 1e6, seconds: (performance.now() - startMs) / 1000, rssMb: process.memoryUsage.rss() / 2 ** 20 });
await parent.hear('stop');
await worker.stop();
process.exit(0);
