import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../../shared/embedded/stack.ts';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { describeMachine } from '../../bench/frame/describeMachine.ts';
import { outageParts, outageWorkload, runOutage, type OutagePart } from './runs/outage.ts';
import { rescueWorkload, runRescues } from './runs/rescues.ts';
import { rollingWorkload, runRollingRestarts } from './runs/rollingRestarts.ts';
import { Scene } from './scene.ts';

/** `npm run guarantees -- rolling|rescue|outage`: long runs against real Kafka that a test has no time for, held to the same promises. */
const USAGE = `npm run guarantees -- <run> [options]

  rolling [--times 100]                                  clean restarts of workers under load: no execution is repeated
  rescue  [--times 20]                                   kills of workers under load: how soon their jobs run again
  outage  --part ${outageParts.join('|')} [--seconds 120]      a part is away under load: no good job is buried, and no herd comes after it

  --rate <jobs a second>    --json
`;

const { values, positionals: [run] } = takeArguments(process, {
  usage: USAGE,
  positionals: true,
  options: { times: { type: 'string' }, part: { type: 'string' }, seconds: { type: 'string' }, rate: { type: 'string' }, json: { type: 'boolean' } },
}) ?? process.exit();
const say = (line: string): void => { process.stderr.write(`${line}\n`); };
const part = outageParts.find((one) => one === values.part);
if (run === undefined || !['rolling', 'rescue', 'outage'].includes(run) || (run === 'outage' && part === undefined)) {
  say(USAGE);
  process.exit(2);
}
const rate = values.rate === undefined ? {} : { jobsPerSecond: Number(values.rate) };

const dataDir = await mkdtemp(join(tmpdir(), 'millrace-guarantees-'));
const stack = await startStack({
  host: process,
  env: process.env,
  cacheDir: process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '..', '..', '.cache'),
  dataDir,
  need: { kafka: true, registry: true },
  registryStorage: 'memory',
  ports: { kafka: 0, registry: 0 },
  report: say,
});
const startedMs = performance.now();
const { brokers, registryUrl } = stack;
let scene: Scene | undefined;
try {
  let report: { readonly violations: readonly string[] };
  if (run === 'rolling') {
    scene = await Scene.open({ brokers, registryUrl, workload: rollingWorkload });
    report = await runRollingRestarts(scene, { times: Number(values.times ?? 100), ...rate, say });
  } else if (run === 'rescue') {
    scene = await Scene.open({ brokers, registryUrl, workload: rescueWorkload });
    report = await runRescues(scene, { times: Number(values.times ?? 20), ...rate, say });
  } else {
    scene = await Scene.open({ brokers, registryUrl, workload: outageWorkload });
    report = await runOutage(scene, { brokers, registryUrl, part: part as OutagePart, outageMs: 1000 * Number(values.seconds ?? 120), ...rate, say });
  }
  const told = { run, machine: describeMachine(), seconds: Math.round((performance.now() - startedMs) / 1000), ...report };
  process.stdout.write(values.json === true ? `${JSON.stringify(told)}\n` : `${JSON.stringify(told, null, 2)}\n`);
  if (report.violations.length > 0) process.exitCode = 1;
} finally {
  await scene?.close();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}
