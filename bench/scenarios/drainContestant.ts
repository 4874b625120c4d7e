import { judge } from '../check/judge.ts';
import { drain, type Drained, type DrainPlan } from '../frame/drain.ts';
import type { Column, Contestant } from '../frame/scenario.ts';
import { loadSystem } from '../systems/systems.ts';

/** The columns of a queue that is worked off. */
export const drainColumns: readonly Column[] = [
  { key: 'rate', title: 'jobs/s' },
  { key: 'workerMicros', title: 'worker CPU µs/job', digits: 1 },
  { key: 'serverMicros', title: 'server CPU µs/job', digits: 1 },
  { key: 'micros', title: 'both', digits: 1 },
  { key: 'rss', title: 'worker peak MB' },
];

export function drainFigures({ counted, seconds, workerCpuSeconds, serverCpuSeconds, peakRssMb, enqueued }: Drained, jobs: number) {
  const workerMicros = (workerCpuSeconds * 1e6) / counted;
  const serverMicros = serverCpuSeconds === null ? null : (serverCpuSeconds * 1e6) / counted;
  return { rate: counted / seconds, workerMicros, serverMicros, micros: serverMicros === null ? null : workerMicros + serverMicros, rss: peakRssMb, seconds, enqueueRate: jobs / enqueued.seconds };
}

/** A system that works off a preloaded queue. */
export async function drainContestant(name: string, plan: DrainPlan, more: Partial<Pick<Contestant, 'against'>> & { figures?: (drained: Drained) => Record<string, number | null> } = {}): Promise<Contestant> {
  const { figures = () => ({}), ...rest } = more;
  const system = await loadSystem(plan.system);
  const { load, settings, workers = 1 } = plan;
  return {
    name, needs: system.needs, durability: system.durability, versions: system.versions(), ...rest,
    settings: `${workers === 1 ? '' : `${workers} processes, each `}${system.describe(settings)}; ${load.jobs.toLocaleString('en')} jobs of ${load.keys.toLocaleString('en')} keys`,
    async measure(bench) {
      const drained = await drain(bench, plan);
      return { figures: { ...drainFigures(drained, load.jobs), ...figures(drained) }, check: judge(load, drained.runs, { order: settings.order }) };
    },
  };
}
