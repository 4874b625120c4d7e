import type { Plan } from './plan.ts';
import { runPlan } from './simulate.ts';

/** Runs that shrinking may take. */
const MOST_RUNS = 400;

/** The smallest plan found that still shows the anomaly: fewer faults, workers, acts, jobs, then simpler ones. Tries halves first, then ever smaller parts. */
export async function shrink(plan: Plan, anomaly: string): Promise<Plan> {
  let runs = 0;
  let smallest = plan;
  const shows = async (candidate: Plan): Promise<boolean> => {
    if (runs++ >= MOST_RUNS) return false;
    const { violations } = await runPlan(candidate).catch(() => ({ violations: [] }));
    return violations.some((violation) => violation.anomaly === anomaly);
  };
  const attempt = async (candidate: Plan): Promise<boolean> => {
    const shown = await shows(candidate);
    if (shown) smallest = candidate;
    return shown;
  };
  const thin = async <K extends 'faults' | 'workers' | 'operator' | 'poison' | 'jobs'>(list: K, least: number): Promise<void> => {
    for (let part = Math.ceil(smallest[list].length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
      for (let at = 0; at < smallest[list].length && smallest[list].length > least;) {
        const kept = [...smallest[list].slice(0, at), ...smallest[list].slice(at + part)];
        if (kept.length < least || !await attempt({ ...smallest, [list]: kept })) at += part;
      }
    }
  };
  for (let before = Infinity; sizeOf(smallest) < before && runs < MOST_RUNS;) {
    before = sizeOf(smallest);
    await thin('faults', 0);
    await thin('jobs', 0);
    await thin('operator', 0);
    await thin('poison', 0);
    await thin('workers', 1);
    for (const [at, job] of smallest.jobs.entries()) {
      if (job.fates.length === 1) continue;
      await attempt({ ...smallest, jobs: smallest.jobs.with(at, { ...job, fates: [{ says: 'done', workMs: 1, waitMs: 1 }] }) });
    }
    const used = new Set([...smallest.jobs.map(({ kind }) => kind), ...smallest.poison.map(({ kind }) => kind)]);
    const kinds = smallest.kinds.filter(({ kind }) => used.has(kind));
    if (kinds.length > 0 && kinds.length < smallest.kinds.length) await attempt({ ...smallest, kinds });
    if (smallest.settings.gapShare > 0) await attempt({ ...smallest, settings: { ...smallest.settings, gapShare: 0 } });
  }
  return smallest;
}

function sizeOf({ faults, workers, operator, poison, jobs, kinds }: Plan): number {
  return faults.length + workers.length + operator.length + poison.length + jobs.length + kinds.length + jobs.reduce((sum, { fates }) => sum + fates.length, 0);
}
