/** Plays many seeds, or one with its story: main.ts --seeds 100000 [--from 1] | --seed 42 --trace; --lag STEPS; --mutate NAME leaves a rule out. */
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' }, seed: { type: 'string' }, trace: { type: 'boolean', default: false }, first: { type: 'boolean', default: false } },
});
const { playSeed } = await import('./world.ts');
const from = Number(values.seed ?? values.from);
const to = values.seed === undefined ? from + Number(values.seeds) - 1 : from;
const trace = values.trace ? (...line: unknown[]): void => { process.stdout.write(`${line.join(' ')}\n`); } : undefined;
const found = new Map<string, { count: number; seed: number; detail: string }>();
let starts = 0;
let repeats = 0;
let failed = 0;
const startedMs = performance.now();
for (let seed = from; seed <= to; seed++) {
  const report = playSeed({ seed, trace });
  starts += report.starts;
  repeats += report.repeats;
  if (report.violations.size > 0) failed++;
  for (const [name, detail] of report.violations) {
    const known = found.get(name);
    if (known === undefined) found.set(name, { count: 1, seed, detail });
    else known.count++;
  }
}
process.stdout.write(`seeds ${from}..${to}: ${starts} starts, ${repeats} repeats, ${failed} seeds failed, ${((performance.now() - startedMs) / (to - from + 1)).toFixed(2)} ms a seed\n`);
for (const [name, { count, seed, detail }] of found) process.stdout.write(`${name}: ${count} seeds, first ${seed}: ${detail}\n`);
process.exitCode = failed === 0 ? 0 : 1;
