import { hearPlan } from '../process/inChild.ts';
import { machineMs } from '../process/machineClock.ts';
import { loadSystem } from '../systems/systems.ts';
import type { ClientPlan, ClientTold } from './clientPlan.ts';

/** One enqueuing process of any system. */
const { plan: { load, place, settings, mode, ...plan }, ...parent } = await hearPlan<ClientPlan>();
const tell = (told: ClientTold): void => { parent.tell(told); };
const system = await loadSystem(plan.system);
const client = await system.client(place, load, settings);
const single = mode.type !== 'bulk';
const intendedMs = new Float64Array(single ? load.jobs : 0);
const ackedMs = new Float64Array(single ? load.jobs : 0);
const places = new Float64Array(single ? load.jobs * 2 : 0);
let next = 0;

const sendOne = async (sequence: number, atMs: number): Promise<void> => {
  intendedMs[sequence] = atMs;
  const receipt = await client.enqueue(sequence);
  ackedMs[sequence] = machineMs();
  places[sequence * 2] = receipt?.partition ?? -1;
  places[sequence * 2 + 1] = receipt?.offset ?? -1;
};
const inParallel = (count: number, loop: () => Promise<void>): Promise<unknown> => Promise.all(Array.from({ length: count }, loop));

async function enqueueAll(): Promise<void> {
  switch (mode.type) {
    case 'bulk': {
      const { slice = system.bulk.slice, parallel = system.bulk.parallel } = mode;
      await inParallel(parallel, async () => {
        while (next < load.jobs) {
          const from = next;
          next = Math.min(load.jobs, from + slice);
          await client.enqueueMany(from, next - from);
        }
      });
      return;
    }
    case 'singles':
      await inParallel(mode.concurrency, async () => { while (next < load.jobs) await sendOne(next++, machineMs()); });
      return;
    case 'paced': {
      const startMs = machineMs() + 5;
      const sent: Promise<void>[] = [];
      await new Promise<void>((resolve) => {
        const sendDue = (): void => {
          for (const now = machineMs(); next < load.jobs && startMs + (next * 1000) / mode.perSecond <= now; next++) {
            sent.push(sendOne(next, startMs + (next * 1000) / mode.perSecond));
          }
          if (next >= load.jobs) resolve();
          else setTimeout(sendDue, 1);
        };
        sendDue();
      });
      await Promise.all(sent);
    }
  }
}

tell({ type: 'ready' });
await parent.hear('go');
const cpu = process.cpuUsage();
const startMs = machineMs();
await enqueueAll();
const seconds = (machineMs() - startMs) / 1000;
const { user, system: kernel } = process.cpuUsage(cpu);
tell({ type: 'figures', seconds, cpuSeconds: (user + kernel) / 1e6, intendedMs, ackedMs, places });
await parent.hear('stop');
await client.close();
process.exit(0);
