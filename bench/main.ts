import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheDir, openBench } from './frame/bench.ts';
import { describeMachine } from './frame/describeMachine.ts';
import { renderResult } from './frame/renderResult.ts';
import { runScenario, type ScenarioResult } from './frame/runScenario.ts';
import type { Scenario, Size } from './frame/scenario.ts';
import { scenarios } from './scenarios/scenarios.ts';

/** `npm run bench [scenario …]`: see README.md beside this file. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' }, rounds: { type: 'string' }, quick: { type: 'boolean' }, smoke: { type: 'boolean' }, only: { type: 'string', multiple: true }, help: { type: 'boolean' },
  },
});
const say = (line: string): void => { process.stderr.write(`${line}\n`); };
const size: Size = values.smoke === true ? 'smoke' : values.quick === true ? 'quick' : 'full';
const rounds = Number(values.rounds ?? (size === 'full' ? 3 : 1));
const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
const chosen = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const minutes = (seconds: number): string => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);

if (values.help === true || unknown.length > 0 || !(Number.isInteger(rounds) && rounds > 0)) {
  for (const name of unknown) say(`there is no scenario ${JSON.stringify(name)}`);
  if (!(Number.isInteger(rounds) && rounds > 0)) say(`--rounds ${values.rounds}: expected a number from 1`);
  say('npm run bench -- [scenario …] [--rounds N] [--quick | --smoke] [--only text, of contestants\' names] [--json]\n');
  for (const { name, measures, seconds } of scenarios) say(`  ${name.padEnd(12)} about ${minutes(seconds.full)} a round (--quick ${minutes(seconds.quick)}): ${measures}`);
  process.exit(values.help === true ? 0 : 2);
}

// Children load the same code over and over; figures shall not hang on what an earlier run left, a smoke may.
if (size === 'smoke') process.env['NODE_COMPILE_CACHE'] ??= join(cacheDir(), 'bench-compiled');
const bench = await openBench({ size, say });
const results: ScenarioResult[] = [];
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    void bench.close().finally(() => { process.exit(130); });
  });
}
try {
  say(`${chosen.length} ${chosen.length === 1 ? 'scenario' : 'scenarios'}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'} each: about ${minutes(chosen.reduce((sum, { seconds }) => sum + seconds[size] * rounds, 20))}`);
  const measure = async (scenario: Scenario): Promise<void> => {
    say(`\n${scenario.name}: ${scenario.measures}`);
    const wanted = values.only === undefined ? scenario : {
      ...scenario,
      contestants: async (of: Size) => (await scenario.contestants(of)).filter(({ name }) => values.only?.some((text) => name.includes(text)) === true),
    };
    const result = await runScenario(bench, wanted, rounds);
    results.push(result);
    if (values.json !== true) process.stdout.write(`\n${renderResult(scenario, result)}\n`);
  };
  const queue = [...chosen];
  // A smoke has no figures that others could disturb.
  await Promise.all(Array.from({ length: size === 'smoke' ? 2 : 1 }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await measure(next);
  }));
  const machine = describeMachine();
  process.stdout.write(values.json === true ? `${JSON.stringify({ machine, size, results }, null, 2)}\n` : `\n${machine}\n`);
  if (results.some(({ rows }) => rows.some(({ check }) => !check.ok))) process.exitCode = 1;
} finally {
  if (!interrupted) await bench.close();
}
