import fc from 'fast-check';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { targets } from './targets.ts';

/** `npm run fuzz -- --minutes 10`: all targets in turn until the time is over. `--seed` and `--target` replay what a failure told. */
const usage = `npm run fuzz [-- <options>]

Feeds drawn input to everything that reads bytes, until something fails or the time is over.

  --minutes <n>       (default 1)
  --target <name>     only this one: ${targets.map(({ name }) => `"${name}"`).join(', ')}
  --seed <n>          replays what a failure told`;
const { values } = takeArguments(process, { usage, options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, target: { type: 'string' } } }) ?? process.exit();
const RUNS_A_TURN = 200;
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
const refuse = (flaw: string): never => {
  process.stderr.write(`${flaw}\n\n${usage}\n`);
  return process.exit(2);
};
if (chosen.length === 0) refuse(`There is no target "${values.target ?? ''}"`);
if (!(Number(values.minutes) > 0)) refuse(`--minutes: expected a number above zero, got "${values.minutes}"`);
if (values.seed !== undefined && !Number.isSafeInteger(Number(values.seed))) refuse(`--seed: expected a whole number, got "${values.seed}"`);

const endMs = performance.now() + Number(values.minutes) * 60_000;
const runs = new Map(chosen.map(({ name }) => [name, 0]));
let seed = values.seed === undefined ? Math.trunc(performance.timeOrigin) % 2 ** 31 : Number(values.seed);
let peakHeap = 0;
let failed = false;
do {
  for (const { name, property, inputsPerRun = 1 } of chosen) {
    const result = await fc.check(property as fc.IAsyncProperty<unknown>, { numRuns: RUNS_A_TURN, seed });
    runs.set(name, (runs.get(name) ?? 0) + result.numRuns * inputsPerRun);
    peakHeap = Math.max(peakHeap, process.memoryUsage().heapUsed);
    if (!result.failed) continue;
    failed = true;
    console.error(`${name} fails: npm run fuzz -- --target "${name}" --seed ${seed}\n${fc.defaultReportMessage(result) ?? ''}`, result.errorInstance);
  }
  seed = (seed + 1) % 2 ** 31;
} while (!failed && values.seed === undefined && performance.now() < endMs);

for (const [name, count] of runs) console.log(`${String(count).padStart(10)}  ${name}`);
console.log(`${String([...runs.values()].reduce((sum, count) => sum + count, 0)).padStart(10)}  inputs; peak heap ${Math.round(peakHeap / 1024 / 1024)} MB; ${failed ? 'FAILED' : 'nothing found'}`);
process.exitCode = failed ? 1 : 0;
