import { defaultLimits } from '../../shared/engine/engineOptions.ts';
import { judge } from '../check/judge.ts';
import { drain } from '../frame/drain.ts';
import { fillRoom } from '../frame/fillRoom.ts';
import type { Contestant } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import { millrace } from '../systems/millrace.ts';
import type { Settings } from '../systems/system.ts';
import { drainFigures } from './drainContestant.ts';

/** More than a waiting job counts as. */
const JOB_BYTES = 2048;

/** Room for what waits: the bounds are safeguards, and not what is measured. Where values go to disk, that of memory is the usual one. */
export function roomFor(waiting: number, spills: boolean): Readonly<Record<string, number>> {
  const roomEntries = Math.max(defaultLimits.roomEntries, Math.ceil(waiting * 1.2));
  return spills ? { roomEntries } : { roomEntries, roomBytes: Math.max(defaultLimits.roomBytes, waiting * JOB_BYTES) };
}

/** A queue is worked off while so many of its jobs wait for another day. */
export function drainBesideWaiting(name: string, load: Load, settings: Settings, waiting: number): Promise<Contestant> {
  return Promise.resolve({
    name, needs: millrace.needs, durability: millrace.durability, versions: millrace.versions(), settings: `${millrace.describe(settings)}, roomBytes raised; ${load.jobs.toLocaleString('en')} jobs of ${load.keys.toLocaleString('en')} keys`,
    async measure(bench) {
      const limits = roomFor(waiting, false);
      const place = await bench.place('growth', millrace.needs);
      await millrace.prepare(place, load, settings);
      const moved = await fillRoom(bench, place, { settings, limits, spillFolder: null, waiting, end: 'stop' });
      const drained = await drain(bench, { system: 'millrace', load, settings: { ...settings, limits }, at: place, beginsWithAll: true });
      await millrace.remove(place);
      const check = judge(load, drained.runs, settings);
      return { figures: { ...drainFigures(drained, load.jobs), waiting: moved }, check: { ok: check.ok && moved === waiting, text: `${check.text}, ${moved.toLocaleString('en')} of ${waiting.toLocaleString('en')} waited` } };
    },
  });
}
