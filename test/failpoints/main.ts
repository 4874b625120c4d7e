/** `npm run failpoints`: kills processes at every await boundary, on real Kafka. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../../shared/embedded/stack.ts';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { startPostgres } from '../postgres/startPostgres.ts';
import { stages } from './stages.ts';
import { sweep } from './sweep.ts';

const usage = `npm run failpoints [-- <options>]

Kills processes at every await boundary, on real Kafka; see test/failpoints/README.md. Ends with 1 when a promise was broken.

  --pairs 60         so many pairs after the single ones      --point NAME   only points whose name contains it (again and again: each of its visits)
  --seed 1           draws which visit of a point kills        --phase run    only this phase
  --lanes 6          queues at the same time                   --stage work   only this stage; several with commas
  --plant NAME       arms processes that have a planted bug of the simulator: does the sweep find it?
  --explore          only says which points are reached        --no-singles    only the pairs
  --visits-of work   explores as told, but visits only what falls to these stages
  --report FILE      writes what was found as JSON`;
const { values } = takeArguments(process, {
  usage,
  options: {
    pairs: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' }, lanes: { type: 'string', default: '6' }, explore: { type: 'boolean', default: false },
    point: { type: 'string' }, phase: { type: 'string' }, stage: { type: 'string' }, report: { type: 'string' }, plant: { type: 'string' }, 'no-singles': { type: 'boolean', default: false },
    'visits-of': { type: 'string' },
  },
}) ?? process.exit();
const say = (line: string): void => { process.stderr.write(`${line}\n`); };
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-failpoints-stack-'));
const stack = await startStack({
  host: process, env: process.env, cacheDir: process.env['MILLRACE_CACHE_DIR'] ?? join(import.meta.dirname, '..', '..', '.cache'), dataDir,
  need: { kafka: true, registry: true }, registryStorage: 'memory', ports: { kafka: 0, registry: 0 }, report: say,
});
const stageNames = values.stage?.split(',');
const needsDatabase = stages.some(({ name, needsDatabase: needed }) => needed === true && stageNames?.includes(name) !== false);
const given = process.env['DATABASE_URL'] ?? '';
const postgres = needsDatabase && given === '' ? await startPostgres({ durable: false }) : null;
try {
  const one = values.point !== undefined;
  const report = await sweep({
    brokers: stack.brokers, registryUrl: stack.registryUrl, databaseUrl: postgres?.url ?? (given === '' ? null : given), seed: Number(values.seed), lanes: Number(values.lanes), say,
    pairs: values.explore || one ? 0 : Number(values.pairs), singles: !values.explore && !values['no-singles'],
    bug: values.plant ?? null,
    select: ({ point, phase, stage }) => (values['visits-of']?.split(',').includes(stage) ?? true) && (values.point === undefined || point.includes(values.point)) && (values.phase === undefined || phase === values.phase),
    ...(stageNames === undefined ? {} : { stageNames }),
  });
  if (values.report !== undefined) await writeFile(values.report, JSON.stringify(report, null, 1));
  const { unreached, missed, violations, ...figures } = report;
  for (const point of unreached) say(`not reached: ${point}`);
  for (const visit of missed) say(`missed: ${visit}`);
  process.stdout.write(`${JSON.stringify({ ...figures, unreached: unreached.length, missed: missed.length, violations: violations.length })}\n`);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  await postgres?.stop();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}
