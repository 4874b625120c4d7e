/**
 * Plays many seeds of the simulated world, or one with its story:
 *
 *     main.ts --seeds 100000 [--from 1]     --seed 42 --trace     --mutate no-reread --seeds 20000 (stops at the first seed that breaks)
 *
 * or the histories written by hand: `--targeted [--mutate void-always]`.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate, mutations } from './mutations.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' }, seed: { type: 'string' }, trace: { type: 'boolean', default: false }, mutate: { type: 'string' }, targeted: { type: 'boolean', default: false } },
});
const name = values.mutate;
const mutation = name === undefined ? undefined : mutations[name];
if (name !== undefined) {
  if (mutation === undefined) throw new Error(`no mutation ${name}; there are ${Object.keys(mutations).join(', ')}`);
  const left = new Set(mutation.edits.map((edit) => edit.file));
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const file = basename(url);
      if (!url.includes('/shared/engine/') || !left.delete(file)) return loaded;
      return { ...loaded, source: mutate(name, file, readFileSync(fileURLToPath(url), 'utf8')) };
    },
  });
}
if (values.targeted) {
  const { targeted } = await import('./targeted.ts');
  for (const [title, play] of Object.entries(targeted)) {
    const violation = play();
    if (violation !== null) process.exitCode = 1;
    process.stdout.write(`${title}: ${violation ?? 'nothing is wrong'}\n`);
  }
} else await playSeeds();

async function playSeeds(): Promise<void> {
  const { playSeed } = await import('./world.ts');
  const from = Number(values.seed ?? values.from);
  const to = values.seed === undefined ? from + Number(values.seeds) - 1 : from;
  const trace = values.trace ? (...line: unknown[]): void => { process.stdout.write(`${line.join(' ')}\n`); } : undefined;
  const found = new Map<string, { count: number; seed: number; detail: string }>();
  let starts = 0;
  let repeats = 0;
  let failed = 0;
  let seed = from;
  const startedMs = performance.now();
  for (; seed <= to && (name === undefined || failed === 0); seed++) {
    const report = playSeed({ seed, trace, lagSteps: mutation?.lagSteps });
    starts += report.starts;
    repeats += report.repeats;
    if (report.violations.size > 0) failed++;
    for (const [anomaly, detail] of report.violations) {
      const known = found.get(anomaly);
      if (known === undefined) found.set(anomaly, { count: 1, seed, detail });
      else known.count++;
    }
  }
  process.stdout.write(`${name === undefined ? '' : `${name} `}seeds ${from}..${seed - 1}: ${starts} starts, ${repeats} repeats, ${failed} seeds failed, ${((performance.now() - startedMs) / (seed - from)).toFixed(2)} ms a seed\n`);
  for (const [anomaly, { count, seed: first, detail }] of found) process.stdout.write(`  ${anomaly}: ${count} seeds, first ${first}: ${detail}\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}
