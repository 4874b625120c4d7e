import { judge } from '../check/judge.ts';
import { drain } from '../frame/drain.ts';
import { fillRoom } from '../frame/fillRoom.ts';
import type { Contestant } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import { millrace } from '../systems/millrace.ts';
import type { Settings } from '../systems/system.ts';
import { drainFigures } from './drainContestant.ts';

/** Room for what waits: the bound of entries is a safeguard, and not what is measured. */
export function roomFor(waiting: number): Readonly<Record<string, number>> {
  return { roomEntries: Math.max(1_000_000, Math.ceil(waiting * 1.2)) };
}

/** A queue is worked off while so many of its jobs wait for another day. */
export function drainBesideWaiting(name: string, load: Load, settings: Settings, waiting: number): Promise<Contestant> {
  return Promise.resolve({
    name, needs: millrace.needs, durability: millrace.durability, versions: millrace.versions(), settings: `${millrace.describe(settings)}; ${load.jobs.toLocaleString('en')} jobs of ${load.keys.toLocaleString('en')} keys`,
    async measure(bench) {
      const place = await bench.place('growth', millrace.needs);
      await millrace.prepare(place, load, settings);
      const moved = await fillRoom(bench, place, { settings, limits: roomFor(waiting), spillFolder: null, waiting, end: 'stop' });
      const drained = await drain(bench, { system: 'millrace', load, settings, at: place });
      await millrace.remove(place);
      const check = judge(load, drained.runs, settings);
      return { figures: { ...drainFigures(drained, load.jobs), waiting: moved }, check: { ok: check.ok && moved === waiting, text: `${check.text}, ${moved.toLocaleString('en')} of ${waiting.toLocaleString('en')} waited` } };
    },
  });
}
