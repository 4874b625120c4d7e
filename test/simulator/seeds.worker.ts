import { parentPort } from 'node:worker_threads';
import { countFaults, type SeedResult } from './seedResult.ts';
import { simulate } from './simulate.ts';

/** Plays the seeds that it is sent, a range at a time. */
parentPort?.on('message', ({ from, to }: { from: number; to: number }) => {
  void (async () => {
    const results: SeedResult[] = [];
    for (let seed = from; seed <= to; seed++) {
      try {
        const { plan, violations, virtualMs, starts, repeats } = await simulate(seed);
        results.push({ seed, violations, virtualMs, starts, repeats, jobs: plan.jobs.length, faults: countFaults(plan) });
      } catch (error) {
        results.push({ seed, violations: [{ anomaly: 'crash', detail: error instanceof Error ? String(error.stack) : String(error) }], virtualMs: 0, starts: 0, repeats: 0, jobs: 0, faults: {} });
      }
    }
    parentPort?.postMessage(results);
  })();
});
