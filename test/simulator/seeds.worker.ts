import { parentPort } from 'node:worker_threads';
import type { Style } from './drawPlan.ts';
import { countFaults, type SeedResult } from './seedResult.ts';
import { simulate } from './simulate.ts';

/** A range of seeds; a style where all of them are to be of one. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
  readonly style: Style | null;
}

/** Plays the seeds that it is sent, a range at a time. */
parentPort?.on('message', ({ from, to, style }: SeedRange) => {
  void (async () => {
    const results: SeedResult[] = [];
    for (let seed = from; seed <= to; seed++) {
      try {
        const { plan, violations, virtualMs, starts, repeats } = await simulate(seed, style);
        results.push({ seed, violations, virtualMs, starts, repeats, jobs: plan.jobs.length, faults: countFaults(plan) });
      } catch (error) {
        results.push({ seed, violations: [{ anomaly: 'crash', detail: error instanceof Error ? String(error.stack) : String(error) }], virtualMs: 0, starts: 0, repeats: 0, jobs: 0, faults: {} });
      }
    }
    parentPort?.postMessage(results);
  })();
});
