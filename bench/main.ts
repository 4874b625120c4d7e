import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MillraceError } from '../shared/errors/MillraceError.ts';
import { cacheDir, openBench } from './frame/bench.ts';
import { contestantsOf, isPartOf } from './frame/contestantsOf.ts';
import { currentLoad, describeMachine } from './frame/describeMachine.ts';
import { renderResult } from './frame/renderResult.ts';
import { runScenario, type ScenarioResult } from './frame/runScenario.ts';
import type { Contestant, Scenario, Size } from './frame/scenario.ts';
import { scenarios } from './scenarios/scenarios.ts';

/** `npm run bench [scenario …]`: see README.md beside this file. */
const say = (line: string): void => { process.stderr.write(`${line}\n`); };
const minutes = (seconds: number): string => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);
const secondsOf = (some: readonly Scenario[], of: Size): number => some.reduce((sum, { seconds }) => sum + seconds[of], 0);

function usage(exitCode: number, ...wrong: readonly string[]): never {
  for (const line of wrong) say(line);
  say([
    'npm run bench -- [scenario …] [--rounds N] [--quick | --smoke] [--only TEXT]… [--json]', '',
    '  --rounds N    how often each contestant is measured, by turns; 3, or with --quick and --smoke 1',
    '  --quick       fewer jobs, for a look; --smoke: tiny, to see that everything runs',
    '  --only TEXT   contestants whose names contain it, capitals or not; may be given several times',
    '  --json        one document on standard output at the end; by npm run -s, as npm itself writes there', '',
  ].join('\n'));
  for (const { name, measures, seconds } of scenarios) say(`  ${name.padEnd(12)} about ${minutes(seconds.full)} a round (--quick ${minutes(seconds.quick)}): ${measures}`);
  say(`\nall of them: about ${minutes(secondsOf(scenarios, 'full') * 3)} with 3 rounds (--quick ${minutes(secondsOf(scenarios, 'quick'))})`);
  process.exit(exitCode);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean' }, rounds: { type: 'string' }, quick: { type: 'boolean' }, smoke: { type: 'boolean' }, only: { type: 'string', multiple: true }, help: { type: 'boolean' },
      },
    });
  } catch (error) {
    return usage(2, error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = readArguments();
const size: Size = values.smoke === true ? 'smoke' : values.quick === true ? 'quick' : 'full';
const rounds = Number(values.rounds ?? (size === 'full' ? 3 : 1));
const wrong = [
  ...positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name)).map((name) => `there is no scenario ${JSON.stringify(name)}`),
  ...(Number.isInteger(rounds) && rounds > 0 ? [] : [`--rounds ${values.rounds}: expected a whole number from 1`]),
];
if (values.help === true || wrong.length > 0) usage(values.help === true ? 0 : 2, ...wrong);

const named = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const everybody = (await Promise.all(named.map((scenario) => contestantsOf(scenario, size)))).flat().map(({ name }) => name);
const strangers = (values.only ?? []).filter((text) => !everybody.some((name) => isPartOf(name, text)));
if (strangers.length > 0) {
  for (const text of strangers) say(`--only ${text}: no contestant's name contains it; there are ${[...new Set(everybody)].join(' · ')}`);
  process.exit(2);
}
const chosen: { readonly scenario: Scenario; readonly contestants: readonly Contestant[] }[] = [];
for (const scenario of named) {
  const contestants = await contestantsOf(scenario, size, values.only);
  if (contestants.length > 0) chosen.push({ scenario, contestants });
}

// Children load the same code over and over; figures shall not hang on what an earlier run left, a smoke may.
if (size === 'smoke') process.env['NODE_COMPILE_CACHE'] ??= join(cacheDir(), 'bench-compiled');
const at = new Date().toISOString();
const loadBefore = currentLoad();
const elsewhere = ['KAFKA_BROKERS', 'DATABASE_URL'].filter((name) => (process.env[name] ?? '') !== '');
const results: ScenarioResult[] = [];
let interrupted = false;
const bench = await openBench({ size, say: (line) => { if (!interrupted) say(line); } });
/** What was measured so far. */
const conclude = (): void => {
  const machine = describeMachine({ loadBefore, elsewhere });
  process.stdout.write(values.json === true ? `${JSON.stringify({ at, machine, size, interrupted, results }, null, 2)}\n` : `\n${machine}\n`);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    say(`${signal}: stopping the servers`);
    interrupted = true;
    if (results.length > 0) conclude();
    void bench.close().finally(() => { process.exit(130); });
  });
}
try {
  say(`${chosen.length} ${chosen.length === 1 ? 'scenario' : 'scenarios'}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'} each: about ${minutes(20 + rounds * secondsOf(chosen.map(({ scenario }) => scenario), size))}${values.only === undefined ? '' : ' with everybody'}`);
  const queue = [...chosen];
  // A smoke has no figures that others could disturb.
  await Promise.all(Array.from({ length: size === 'smoke' ? 2 : 1 }, async () => {
    for (let next = queue.shift(); next !== undefined && !interrupted; next = queue.shift()) {
      const { scenario, contestants } = next;
      bench.say(`\n${scenario.name}: ${scenario.measures}`);
      const result = await runScenario(bench, scenario, contestants, rounds);
      if (interrupted) return;
      results.push(result);
      if (values.json !== true) process.stdout.write(`\n${renderResult(scenario, result)}\n`);
    }
  }));
  if (!interrupted) conclude();
  if (results.some(({ rows }) => rows.some(({ check }) => !check.ok))) process.exitCode = 1;
} catch (error) {
  // What is under way when its servers are stopped fails.
  if (!interrupted) {
    if (!(error instanceof MillraceError)) throw error;
    // A Kafka that is not there, or no Java: the message says what to do.
    say(error.message);
    process.exitCode = 1;
  }
} finally {
  if (!interrupted) await bench.close();
}
