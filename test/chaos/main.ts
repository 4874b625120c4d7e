/**
 * Chaos on a real cluster: `npm run chaos -- --minutes 10 [--seed 7] [--faults "kill worker,freeze worker"] [--json] [--report FILE]`. Three
 * brokers, several workers, a steady load; every few seconds something breaks. Ends with 1 when a promise was broken. Ctrl-C heals, drains and judges.
 */
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRegistry } from '../../shared/embedded/registry.ts';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { openChaosCluster } from './cluster/chaosCluster.ts';
import { Journal } from './journal.ts';
import { usualOptions } from './options.ts';
import { renderReport } from './report.ts';
import { runChaos } from './runChaos.ts';

const usage = `npm run chaos [-- <options>]

A cluster of three brokers, workers under a steady load, and a fault every few seconds; see docs/chaos.md. Ends with 1 when a promise
was broken; Ctrl-C heals, drains and judges.

  --minutes <n>       begins faults for so long (default 10)
  --seed <n>          draws the faults
  --faults "<a>,<b>"  only these; --turn "<a>,<b>": these, one after the other
  --workers <n>       (default ${usualOptions.workers})   --rate <jobs a second> (default ${usualOptions.jobsPerSecond})
  --json              a line of JSON for each event
  --report <file>     appends the report to it
  --keep              leaves the run's folder`;
const { values } = takeArguments(process, {
  usage,
  options: {
    minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, faults: { type: 'string', default: '' }, turn: { type: 'string', default: '' },
    workers: { type: 'string', default: String(usualOptions.workers) }, rate: { type: 'string', default: String(usualOptions.jobsPerSecond) },
    json: { type: 'boolean', default: false }, report: { type: 'string' }, keep: { type: 'boolean', default: false },
  },
}) ?? process.exit();
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed);
const names = (list: string): string[] => list.split(',').map((name) => name.trim()).filter((name) => name !== '');
const journal = new Journal((line) => { process.stdout.write(`${line}\n`); }, values.json);
const ending = new AbortController();
process.once('SIGINT', () => { journal.tell('stop', 'no new faults; Ctrl-C again ends at once'); ending.abort(); });

const dataDir = await mkdtemp(join(tmpdir(), `millrace-chaos-${process.pid}-`));
const cacheDir = process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '..', '..', '.cache');
const report = (line: string): void => { journal.tell('stack', line); };
report('starting three brokers and a schema registry');
const cluster = await openChaosCluster({ host: process, cacheDir, dataDir: join(dataDir, 'kafka'), report });
let kept = false;
try {
  const registry = await startRegistry({ host: process, cacheDir, dataDir: join(dataDir, 'registry'), storage: { kind: 'memory' }, port: 0, report });
  try {
    const result = await runChaos({
      ...usualOptions, seed, forMs: Number(values.minutes) * 60_000, faults: names(values.faults), inTurn: names(values.turn), workers: Number(values.workers), jobsPerSecond: Number(values.rate),
    }, cluster, registry.url, join(dataDir, 'run'), journal, ending.signal);
    kept = result.violations.length === 0;
    if (values.json) process.stdout.write(`${JSON.stringify({ type: 'result', ...result })}\n`);
    else process.stdout.write(`\n${renderReport(result)}`);
    if (values.report !== undefined) await appendFile(values.report, `\n${renderReport(result)}`);
  } finally {
    await registry.stop();
  }
} finally {
  await cluster.close();
  if (!values.keep) await rm(dataDir, { recursive: true, force: true });
}
process.exit(kept ? 0 : 1);
