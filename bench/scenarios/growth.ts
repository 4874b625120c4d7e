import { pick, type Contestant, type Scenario, type Size } from '../frame/scenario.ts';
import type { Load } from '../jobs/load.ts';
import type { Settings } from '../systems/system.ts';
import { drainColumns, drainContestant } from './drainContestant.ts';
import { drainBesideWaiting } from './waiting.ts';

const strict: Settings = { concurrency: 100, order: 'strict' };

async function contestants(size: Size): Promise<Contestant[]> {
  const jobs = pick(size, 600_000, 50_000, 300);
  const load: Load = { jobs, keys: pick(size, 1000, 1000, 50), skew: 'even', workMs: 0 };
  const grown = (name: string, more: Partial<Load>, settings: Partial<Settings> = {}, slice?: number): Promise<Contestant> =>
    drainContestant(name, { system: 'millrace', load: { ...load, ...more }, settings: { ...strict, ...settings }, ...(slice === undefined ? {} : { slice }) });
  const bytes = (extraBytes: number): Promise<Contestant> => {
    const many = Math.max(50, Math.min(jobs, Math.round((jobs * 300) / (extraBytes + 300) * 4)));
    return grown(`payload + ${extraBytes.toLocaleString('en')} B`, { extraBytes, jobs: many }, {}, Math.max(20, Math.min(10_000, Math.round(5_000_000 / (extraBytes + 300)))));
  };
  const all: Promise<Contestant>[] = [grown('6 partitions, 1,000 keys, 240 B, nothing waits', {})];
  for (const partitions of pick(size, [24, 96], [96], [12])) all.push(grown(`${partitions} partitions`, {}, { partitions }));
  for (const keys of pick(size, [10, 100_000, 1_000_000], [10, 1_000_000], [5])) all.push(grown(`${keys.toLocaleString('en')} keys`, { keys, jobs: Math.max(jobs, pick(size, Math.min(keys, 1_000_000), jobs, jobs)) }));
  for (const waiting of pick(size, [10_000, 100_000, 1_000_000], [100_000], [100])) all.push(drainBesideWaiting(`${waiting.toLocaleString('en')} jobs wait`, load, strict, waiting));
  for (const extra of pick(size, [1000, 10_000, 100_000], [1000, 100_000], [10_000])) all.push(bytes(extra));
  return Promise.all(all);
}

export const growthScenario: Scenario = {
  name: 'growth', measures: 'what a no-op job costs millrace as the number of partitions, keys and waiting jobs, and the payload, grow',
  columns: [...drainColumns, { key: 'waiting', title: 'waiting' }],
  subject: '6 partitions, 1,000 keys, 240 B, nothing waits', compared: 'micros', smoke: ['100 jobs wait'], contestants,
  notes: [
    'Waiting jobs are scheduled for a day later, moved to the waiting room by a first worker, and restored by the measured one before its clock starts: when all partitions are open and a job of each entity has begun.',
    'A million keys have a job each. Payloads are text.',
  ],
  seconds: { full: 480, quick: 60, smoke: 15 },
};
