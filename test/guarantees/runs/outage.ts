import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { AvroSchema, PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import { uniqueName } from '../../topicNames.ts';
import { nameEntities } from '../nameEntities.ts';
import { isPoison, type Workload } from '../process/workload.ts';
import type { WorkerProcess } from '../process/workerProcess.ts';
import { measureRepeats } from '../promises/boundedRepeats.ts';
import { allKept } from '../promises/everyPromise.ts';
import { findViolations } from '../promises/guarantee.ts';
import { openRefusal } from '../refuseWrites.ts';
import type { Scene } from '../scene.ts';
import { OpenLoad } from './openLoad.ts';
import { RegistryProxy, type RegistryState } from './registryProxy.ts';

/** The topics refuse every record, as too large: to ask for more replicas than there are is no refusal to Kafka 4. */
export const outageParts = ['dlq', 'retry', 'registry', 'registry-hanging'] as const;
export type OutagePart = (typeof outageParts)[number];

export interface OutageOptions {
  readonly brokers: string;
  readonly registryUrl: string;
  readonly part: OutagePart;
  readonly outageMs: number;
  /** After the start of the workers, which is no steady load. Default 5 s. */
  readonly warmMs?: number;
  /** Before the outage, and after it. Default 25 s. */
  readonly steadyMs?: number;
  readonly workers?: number;
  readonly jobsPerSecond?: number;
  readonly say?: (line: string) => void;
}

export interface OutageReport {
  readonly part: OutagePart;
  readonly outageSeconds: number;
  readonly jobs: number;
  readonly buried: number;
  readonly repeats: number;
  /** Requests to the part in the busiest second: while the workers start (the first in the same second), under steady load, in the outage, and after it. */
  readonly busiestSecond: { readonly start: number; readonly steady: number; readonly meanwhile: number; readonly after: number };
  /** Jobs done a second. */
  readonly donePerSecond: { readonly steady: number; readonly meanwhile: number };
  /** From the end of the outage until as many jobs were done as had fallen due; the load goes on. */
  readonly caughtUpAfterMs: number;
  /** For a registry: from its return until a worker that was started without it had a partition open. */
  readonly startedAfterMs: number | null;
  readonly violations: readonly string[];
}

/** Some are buried, some wait for a retry; so few of each that their lanes, which an outage holds up, are a part of all. */
export const outageWorkload: Partial<Workload> = {
  workMs: [5, 40], attempts: 3, poisonShare: 0.05, failing: { share: 0.05, upTo: 1 }, backoff: { firstMs: 500, factor: 2, maxMs: 2000 },
};

const SECOND_MS = 1000;
const NEW_SCHEMA_EVERY_MS = 5000;
const SESSION_TIMEOUT_MS = 10_000;
const CAUGHT_UP_WITHIN_MS = 180_000;

/** Something that the workers need goes away under load, and comes back. */
export async function runOutage(scene: Scene, options: OutageOptions): Promise<OutageReport> {
  const { part, outageMs, warmMs = 5000, steadyMs = 25_000, workers = 3, jobsPerSecond = 120, say = () => undefined } = options;
  const registry = await RegistryProxy.open(options.registryUrl);
  const outage = await openOutage(scene, options, registry);
  try {
    const load = new OpenLoad(scene, nameEntities(1500), jobsPerSecond);
    await scene.enqueue(['warm-up'], 1);
    const start = (): Promise<WorkerProcess> => scene.startWorker({ registryUrl: registry.url, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    const living = await Promise.all(Array.from({ length: workers }, start));
    const newSchemas = part.startsWith('registry') ? setInterval(() => { load.writeNextAs(newSchema()); }, NEW_SCHEMA_EVERY_MS) : undefined;
    load.start();
    await pass(warmMs);
    const steadyFrom = Date.now();
    await pass(steadyMs);
    const outageFrom = Date.now();
    await outage.begin();
    say(`${part} is away for ${outageMs / SECOND_MS} s, from ${new Date().toISOString()}`);
    let late: WorkerProcess | null = null;
    if (part.startsWith('registry')) {
      await pass(outageMs / 4);
      // A deploy in the midst of it.
      await scene.stop(living.shift() as WorkerProcess);
      late = scene.spawnWorker({ registryUrl: registry.url, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    }
    await pass(outageFrom + outageMs - Date.now());
    const backFrom = Date.now();
    await outage.end();
    say(`it is back; ${scene.doneJobs} of ${scene.accepted.length} jobs are done`);
    const poisoned = new Set<string>();
    const isDone = (): boolean => {
      for (const { id, entity, sequence } of scene.accepted.slice(poisonSeen)) if (isPoison(scene.workload, entity, sequence)) poisoned.add(id);
      poisonSeen = scene.accepted.length;
      return scene.doneJobs + poisoned.size + jobsPerSecond >= scene.accepted.length;
    };
    let poisonSeen = 0;
    await scene.until('the workers to catch up', isDone, CAUGHT_UP_WITHIN_MS);
    const caughtUpAfterMs = Date.now() - backFrom;
    say(`caught up after ${caughtUpAfterMs} ms`);
    if (late !== null) await scene.until('the worker that was started meanwhile to open a partition', () => late.has('active'));
    const startedAfterMs = late === null ? null : (late.saidAtMs('active') ?? Number.NaN) - backFrom;
    await pass(Math.max(0, backFrom + steadyMs - Date.now()));
    clearInterval(newSchemas);
    await load.stop();
    isDone();
    await scene.untilDone(scene.accepted.length - poisoned.size, CAUGHT_UP_WITHIN_MS);
    await scene.untilCommitted();
    await scene.sightCommits();
    // The last second's requests are told when it is over.
    await pass(2 * SECOND_MS);
    const history = await scene.history();
    const asked = part === 'registry' || part === 'registry-hanging' ? registry.askedMs : producesOf(scene, part === 'dlq' ? 'dlq' : 'retry');
    const done = history.lines.filter(({ outcome }) => outcome === 'done').map(({ atMs }) => atMs);
    const perSecond = (fromMs: number, toMs: number): number => Math.round((done.filter((atMs) => atMs >= fromMs && atMs < toMs).length * SECOND_MS) / (toMs - fromMs));
    const noticed = scene.workers.some((worker) => worker.has('publish-refused') || worker.all('trouble').some(({ message }) => message.includes('unavailable')));
    const bad = history.buried.filter(({ id }) => !poisoned.has(id)).map(({ id }) => `good job buried: ${id}`);
    return {
      part,
      outageSeconds: outageMs / SECOND_MS,
      jobs: history.accepted.length,
      buried: history.buried.length,
      repeats: measureRepeats(history).repeats,
      busiestSecond: { start: busiest(asked, 0, steadyFrom), steady: busiest(asked, steadyFrom, outageFrom), meanwhile: busiest(asked, outageFrom + SECOND_MS, backFrom), after: busiest(asked, backFrom, Infinity) },
      donePerSecond: { steady: perSecond(steadyFrom, outageFrom), meanwhile: perSecond(outageFrom, backFrom) },
      caughtUpAfterMs,
      startedAfterMs,
      violations: [...(noticed ? [] : ['no worker noticed an outage']), ...bad, ...findViolations(allKept, history)],
    };
  } finally {
    await outage.close();
    await registry.close();
  }
}

async function openOutage(scene: Scene, { brokers, part }: OutageOptions, registry: RegistryProxy): Promise<{ begin(): Promise<void>; end(): Promise<void>; close(): Promise<void> }> {
  const become = (state: RegistryState) => async (): Promise<void> => { registry.become(state); };
  switch (part) {
    case 'registry':
    case 'registry-hanging':
      return { begin: become(part === 'registry' ? 'down' : 'hanging'), end: become('up'), close: () => Promise.resolve() };
    case 'dlq':
    case 'retry':
      return openRefusal(brokers, scene, part, { 'max.message.bytes': '60' });
  }
}

/** One that no worker has seen: a field more, which the job's own version leaves out. */
function newSchema(): PayloadSchema<JobV1> {
  const { fields, ...record } = jobV1.versions[0] as { readonly type: string; readonly fields: readonly object[] };
  const more: AvroSchema = { ...record, fields: [...fields, { name: uniqueName('more').replaceAll('-', '_'), type: 'int', default: 0 }] };
  return { subject: uniqueName('bench.Job'), version: 1, versions: [more] };
}

/** Epoch ms, whole seconds, of each Produce request that any worker sent with records of the topic. */
function producesOf(scene: Scene, stream: 'retry' | 'dlq'): number[] {
  const name = queueTopicNames(scene.workload.queue)[stream];
  return scene.workers.flatMap((worker) => worker.all('produced'))
    .filter(({ topic }) => topic === name)
    .flatMap(({ second, requests }) => Array.from({ length: requests }, () => second * SECOND_MS));
}

function busiest(timesMs: readonly number[], fromMs: number, toMs: number): number {
  const seconds = Map.groupBy(timesMs.filter((ms) => ms >= Math.floor(fromMs / SECOND_MS) * SECOND_MS && ms < toMs), (ms) => Math.floor(ms / SECOND_MS));
  return Math.max(0, ...[...seconds.values()].map((times) => times.length));
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
