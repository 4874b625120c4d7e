/**
 * Plays many seeds: `npm run simulate -- --seeds 20000 [--from 1] [--style clean]`; one with its whole story: `--seed 42 --trace`; a plan from a file (as shrinking
 * prints it): `--plan file.json`. Ends with 1 when a promise was broken.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { drawPlan, type Style } from './drawPlan.ts';
import type { Plan } from './plan.ts';
import type { SeedResult } from './seedResult.ts';
import type { SeedRange } from './seeds.worker.ts';
import { shrink } from './shrink.ts';
import { runPlan } from './simulate.ts';
import { sliceStory } from './slice.ts';
import { showLine } from './story.ts';

const RANGE = 20;
/** Failing seeds that are shrunken and shown. */
const MOST_SHOWN = 5;

const usage = `npm run simulate [-- <options>]

Plays many seeds in virtual time; ends with 1 when a promise was broken.

  --seeds <n>, --from <n>   so many, from this one on (default 1000, from 1)
  --style <name>            of the plans that are drawn
  --threads <n>             at the same time (default 2 at most)
  --seed <n> | --plan <file>   one: this seed, or the plan in a file, as shrinking prints it
  --trace                   its whole story
  --no-shrink               leaves plans that fail as they are`;
const { values } = takeArguments(process, {
  usage,
  options: {
    seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' }, threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    seed: { type: 'string' }, style: { type: 'string' }, plan: { type: 'string' }, trace: { type: 'boolean', default: false }, 'no-shrink': { type: 'boolean', default: false },
  },
}) ?? process.exit();
const style = (values.style ?? null) as Style | null;
const say = (text: string): void => { process.stdout.write(`${text}\n`); };

async function showFailure(plan: Plan, replay: string): Promise<void> {
  const { violations } = await runPlan(plan);
  const first = violations[0];
  if (first === undefined) return;
  for (const { anomaly, detail } of violations) say(`${anomaly.toUpperCase()}: ${detail}`);
  say(`replay: ${replay}`);
  if (values['no-shrink']) return;
  const small = await shrink(plan, first.anomaly);
  const { violations: left, story } = await runPlan(small);
  const shown = left.find(({ anomaly }) => anomaly === first.anomaly) ?? first;
  say(`shrunken to ${small.jobs.length} jobs, ${small.workers.length} workers, ${small.faults.length} faults, ${small.operator.length} acts: ${shown.detail}`);
  for (const line of sliceStory(story, shown)) say(`  ${line}`);
  say(`its plan: ${JSON.stringify(small)}\n`);
}

async function playOne(plan: Plan): Promise<boolean> {
  const { violations, story, fingerprint, virtualMs } = await runPlan(plan);
  if (values.trace) {
    say(JSON.stringify(plan));
    for (const line of story) say(showLine(line));
  }
  say(`${plan.jobs.length} jobs, ${(virtualMs / 1000).toFixed(1)} virtual seconds, history ${fingerprint()}`);
  for (const { anomaly, detail } of violations) say(`${anomaly.toUpperCase()}: ${detail}`);
  return violations.length === 0;
}

async function playMany(from: number, count: number): Promise<boolean> {
  const startMs = performance.now();
  const total = { seeds: 0, virtualMs: 0, jobs: 0, starts: 0, repeats: 0 };
  const faults = new Map<string, number>();
  const failures: SeedResult[] = [];
  let next = from;
  const end = from + count;
  const take = (results: readonly SeedResult[]): void => {
    for (const result of results) {
      total.seeds++;
      for (const figure of ['virtualMs', 'jobs', 'starts', 'repeats'] as const) total[figure] += result[figure];
      for (const [name, times] of Object.entries(result.faults)) faults.set(name, (faults.get(name) ?? 0) + times);
      if (result.violations.length > 0) failures.push(result);
    }
    const seconds = (performance.now() - startMs) / 1000;
    if (process.stderr.isTTY) process.stderr.write(`\r${total.seeds} of ${count} seeds, ${failures.length} failed, ${(total.seeds / seconds).toFixed(0)} a second `);
  };
  await Promise.all(Array.from({ length: Number(values.threads) }, () => new Promise<void>((resolve, reject) => {
    const thread = new Worker(new URL('seeds.worker.ts', import.meta.url));
    const hand = (): void => {
      if (next >= end) {
        void thread.terminate().then(() => { resolve(); });
        return;
      }
      const range: SeedRange = { from: next, to: Math.min(end, next + RANGE) - 1, style };
      next += RANGE;
      thread.postMessage(range);
    };
    thread.on('message', (results: SeedResult[]) => { take(results); hand(); });
    thread.on('error', reject);
    hand();
  })));
  if (process.stderr.isTTY) process.stderr.write('\n');
  failures.sort((a, b) => a.seed - b.seed);
  for (const { seed, violations } of failures.slice(0, MOST_SHOWN)) {
    say(`seed ${seed}: ${violations.map(({ anomaly }) => anomaly).join(', ')}`);
    if (violations[0]?.anomaly === 'crash') say(violations[0].detail);
    else await showFailure(drawPlan(seed, style), `npm run simulate -- --seed ${seed}${style === null ? '' : ` --style ${JSON.stringify(style)}`} --trace`);
  }
  const byAnomaly = Map.groupBy(failures.flatMap(({ seed, violations }) => [...new Set(violations.map(({ anomaly }) => anomaly))].map((anomaly) => ({ anomaly, seed }))), ({ anomaly }) => anomaly);
  for (const [anomaly, seeds] of byAnomaly) say(`${anomaly}: ${seeds.length} seeds: ${seeds.slice(0, 20).map(({ seed }) => seed).join(' ')}`);
  const seconds = (performance.now() - startMs) / 1000;
  say(`${total.seeds} seeds in ${seconds.toFixed(0)} s (${(total.seeds / seconds).toFixed(0)} a second): ${(total.virtualMs / 3_600_000).toFixed(1)} virtual hours, ${total.jobs} jobs, ${total.starts} starts, ${total.repeats} repeats, ${failures.length} seeds failed`);
  say(`faults: ${[...faults].sort(([a], [b]) => a.localeCompare(b)).map(([name, times]) => `${name} ${times}`).join(', ')}`);
  return failures.length === 0;
}

let kept: boolean;
if (values.plan !== undefined) kept = await playOne(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan);
else if (values.seed !== undefined) kept = await playOne(drawPlan(Number(values.seed), style));
else kept = await playMany(Number(values.from), Number(values.seeds));
process.exitCode = kept ? 0 : 1;
