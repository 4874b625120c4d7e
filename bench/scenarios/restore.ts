import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fillRoom, openRoom } from '../frame/fillRoom.ts';
import { pick, type Contestant, type Scenario, type Size } from '../frame/scenario.ts';
import { machineMs } from '../process/machineClock.ts';
import { millrace } from '../systems/millrace.ts';
import type { Settings } from '../systems/system.ts';
import { roomFor } from './waiting.ts';

const settings: Settings = { concurrency: 100, order: 'strict', sessionMs: 3000 };

function contestant(waiting: number, spills: boolean): Contestant {
  const limits = roomFor(waiting, spills);
  return {
    name: `${waiting.toLocaleString('en')} jobs${spills ? ', spilled' : ''}`, needs: millrace.needs, durability: millrace.durability, versions: millrace.versions(),
    settings: `${millrace.describe(settings)}, ${Object.entries(limits).map(([name, value]) => `${name} ${value.toLocaleString('en')}`).join(', ')}${spills ? ', spill to a local folder' : ''}`,
    async measure(bench) {
      const place = await bench.place('restore', millrace.needs);
      await millrace.prepare(place, { jobs: waiting, keys: 1, skew: 'even', workMs: 0 }, settings);
      const spillFolder = spills ? join(bench.folder, `${place.queue}-spill`) : null;
      if (spillFolder !== null) await mkdir(spillFolder);
      const room = { settings, limits, spillFolder };
      const startMs = machineMs();
      const moved = await fillRoom(bench, place, { ...room, waiting, end: 'kill' });
      const killMs = machineMs();
      const { child, opened } = await openRoom({ place, ...room });
      try {
        const { assignedMs, openMs, waiting: found } = await opened;
        child.send({ type: 'measure' });
        const { peakRssMb, heapMb, cpuSeconds } = await child.hear('memory');
        child.send({ type: 'stop' });
        await child.ended;
        return {
          figures: { restore: (openMs - assignedMs) / 1000, after: (openMs - killMs) / 1000, rss: peakRssMb, heap: heapMb, cpu: cpuSeconds, perSecond: (found * 1000) / (openMs - assignedMs), fill: (killMs - startMs) / 1000 },
          check: { ok: found === waiting && moved === waiting, text: `${found.toLocaleString('en')} of ${waiting.toLocaleString('en')} wait again` },
        };
      } finally {
        await child.dismiss();
        await millrace.remove(place);
      }
    },
  };
}

export const restoreScenario: Scenario = {
  name: 'restore', measures: 'a worker whose jobs all wait is killed; the next one restores their waiting rooms',
  columns: [
    { key: 'restore', title: 'restored in s', digits: 2 }, { key: 'after', title: 'after the kill, s', digits: 2 }, { key: 'perSecond', title: 'jobs/s' },
    { key: 'cpu', title: 'CPU s', digits: 2 }, { key: 'rss', title: 'peak MB' }, { key: 'heap', title: 'heap MB' }, { key: 'fill', title: 'filled in s', digits: 1 },
  ],
  subject: '10,000 jobs', compared: 'perSecond',
  contestants: (size: Size) => [
    ...pick(size, [10_000, 100_000, 1_000_000], [10_000, 100_000], [500]).map((waiting) => contestant(waiting, false)),
    ...pick(size, [1_000_000], [100_000], [500]).map((waiting) => contestant(waiting, true)),
  ],
  goals: [
    { text: 'a million in at most 15 s', contestant: '1,000,000 jobs', column: 'restore', atMost: 15 },
    { text: 'a million in at most 1,024 MB', contestant: '1,000,000 jobs', column: 'rss', atMost: 1024 },
    { text: 'a million, spilled, in at most 15 s', contestant: '1,000,000 jobs, spilled', column: 'restore', atMost: 15 },
    { text: 'a million, spilled, in at most 1,024 MB', contestant: '1,000,000 jobs, spilled', column: 'rss', atMost: 1024 },
  ],
  smoke: ['500 jobs, spilled'],
  notes: ['Without spilling, the bound of memory is raised to what waits; with it, it is the usual one.', 'Restored: from the assignment of the partitions until all are open. After the kill: the session of the killed worker (3 s) and the start of the process are part of it.'],
  seconds: { full: 260, quick: 60, smoke: 15 },
};
