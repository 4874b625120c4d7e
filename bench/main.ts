import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startStack } from '../shared/embedded/stack.ts';
import { measureDrain } from './drain/measureDrain.ts';
import { describeMachine } from './measure/describeMachine.ts';
import { renderTable } from './measure/renderTable.ts';
import { measureIntake } from './intake/measureIntake.ts';
import { measureOutbox } from './outbox/measureOutbox.ts';
import type { BenchSetting, Row } from './measure/row.ts';

/** `npm run bench [scenario …]`: measures on real Kafka, everything that is compared in one run and in turns. */
const scenarios: Readonly<Record<string, { readonly about: string; readonly measure: (setting: BenchSetting) => Promise<Row[]> }>> = {
  drain: { about: 'preloaded no-op jobs, strict order, beside a bare loop that only consumes and decodes; then a 10 ms handler', measure: measureDrain },
  intake: { about: 'jobs over HTTP, 64 at once and in batches, beside the same route over plain KafkaJS send', measure: measureIntake },
  outbox: { about: 'jobs through an outbox on a durable PostgreSQL: a backlog drained, and relayed while it is written', measure: measureOutbox },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, runs: { type: 'string' }, jobs: { type: 'string' }, smoke: { type: 'boolean' }, help: { type: 'boolean' } },
});
const say = (line: string): void => { process.stderr.write(`${line}\n`); };
const chosen = positionals.length === 0 ? Object.keys(scenarios) : positionals;
const unknown = chosen.filter((name) => !(name in scenarios));
if (values.help === true || unknown.length > 0) {
  for (const name of unknown) say(`there is no scenario ${JSON.stringify(name)}`);
  say('npm run bench -- [scenario …] [--runs N] [--jobs N] [--json] [--smoke: once, tiny, to see that it works]\n');
  for (const [name, { about }] of Object.entries(scenarios)) say(`  ${name.padEnd(10)} ${about}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const smoke = values.smoke === true;
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const stack = await startStack({
  host: process,
  env: process.env,
  cacheDir: process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '..', '.cache'),
  dataDir,
  need: { kafka: true, registry: true },
  registryStorage: 'memory',
  profile: 'throughput',
  ports: { kafka: 0, registry: 0 },
  report: say,
});
try {
  const rows: Row[] = [];
  for (const name of chosen) {
    const scenario = scenarios[name];
    if (scenario === undefined) continue;
    say(`\n${name}: ${scenario.about}`);
    rows.push(...await scenario.measure({
      brokers: stack.brokers,
      registryUrl: stack.registryUrl,
      jobs: Number(values.jobs ?? (smoke ? 3000 : 300_000)),
      runs: Number(values.runs ?? (smoke ? 1 : 3)),
      say,
    }));
  }
  const machine = describeMachine();
  process.stdout.write(values.json === true ? `${JSON.stringify({ machine, rows }, null, 2)}\n` : `\n${machine}\n\n${renderTable(rows)}\n`);
} finally {
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}
