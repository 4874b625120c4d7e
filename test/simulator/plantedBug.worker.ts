import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Plan } from './plan.ts';
import { plant, plantedBugs, type PlantedBug } from './plantedBugs.ts';
import type { Violation } from './judge.ts';

/** What a thread is to do: play seeds until the bug shows, or one plan. */
export interface PlantedTask {
  readonly name: string;
  readonly from: number;
  readonly seeds: number;
  readonly shrink: boolean;
  /** Played first, several times: where it shows the bug, no seed is. */
  readonly plan: Plan | null;
}

export interface PlantedFind {
  /** Seeds played; 0: the given plan was enough. */
  readonly seeds: number;
  /** Of the first seed that shows it. */
  readonly violations: readonly Violation[];
  readonly plan: Plan | null;
  readonly ms: number;
}

/** So often a kept plan is played, with other chances each time, before seeds are searched. */
const MOST_VARIANTS = 60;

/** Loads the code with the bug in it, and plays seeds of the bug's style until one breaks a promise. The bug lives in this thread alone. */
const { name, from, seeds, shrink: shrinks, plan: known } = workerData as PlantedTask;
const bug = plantedBugs[name] as PlantedBug;
const shared = new URL('../../shared/', import.meta.url).href;
const files = new Map(bug.edits.map(({ file }) => [new URL(file, shared).href, file]));
const untouched = new Set(files.keys());
registerHooks({
  load(url, context, nextLoad) {
    const file = files.get(url);
    if (file === undefined) return nextLoad(url, context);
    untouched.delete(url);
    return { ...nextLoad(url, context), source: plant(name, file, readFileSync(fileURLToPath(url), 'utf8')) };
  },
});
const { runPlan } = await import('./simulate.ts');
const { drawPlan } = await import('./drawPlan.ts');
if (untouched.size > 0) throw new Error(`planted bug "${name}": never loaded ${[...untouched].join(', ')}`);

const startedMs = performance.now();
const play = (plan: Plan): Promise<readonly Violation[]> =>
  runPlan(plan).then((report) => report.violations, (error: unknown) => [{ anomaly: 'crash', detail: error instanceof Error ? String(error.stack) : String(error) }]);
let found: PlantedFind = { seeds, violations: [], plan: null, ms: 0 };
// Chance decides what a plan leaves open, latencies above all: code that has moved on may need another throw of the dice.
for (let variant = 0; known !== null && found.plan === null && variant < MOST_VARIANTS; variant++) {
  const plan = { ...known, seed: known.seed + variant * 1_000_003 };
  const violations = await play(plan);
  if (violations.some(({ anomaly }) => bug.anomalies.includes(anomaly))) found = { seeds: 0, violations, plan, ms: 0 };
}
for (let seed = from; found.plan === null && seed < from + seeds; seed++) {
  const drawn = drawPlan(seed, bug.style);
  const plan = bug.compactionLagMs === undefined ? drawn : { ...drawn, settings: { ...drawn.settings, compactionLagMs: bug.compactionLagMs } };
  const violations = await play(plan);
  if (violations.length > 0) found = { seeds: seed - from + 1, violations, plan, ms: 0 };
}
if (shrinks && found.plan !== null) {
  const { shrink } = await import('./shrink.ts');
  const anomaly = (found.violations.find((one) => bug.anomalies.includes(one.anomaly)) ?? found.violations[0])?.anomaly ?? '';
  found = { ...found, plan: await shrink(found.plan, anomaly) };
}
parentPort?.postMessage({ ...found, ms: performance.now() - startedMs });
