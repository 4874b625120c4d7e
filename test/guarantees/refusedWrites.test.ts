import { expect, inject, onTestFinished, test } from 'vitest';
import { nameEntities, openScene } from './openScene.ts';
import { fateOf, isPoison, type Workload } from './process/workload.ts';
import { boundedRepeats } from './promises/boundedRepeats.ts';
import { allKept, givingUp } from './promises/everyPromise.ts';
import { findViolations } from './promises/guarantee.ts';
import { openRefusal as refuse, type Refusal } from './refuseWrites.ts';
import type { WorkerProcess } from './process/workerProcess.ts';
import type { Scene } from './scene.ts';

/** Nothing of ours fits. */
const REFUSES_ALL_BYTES = 60;
/** Leases and tombstones fit, waiting records do not. */
const REFUSES_SOME_BYTES = 450;

/** The broker refuses larger records in one of the queue's topics. */
async function openRefusal(scene: Scene, kind: 'retry' | 'dlq', maxBytes = REFUSES_ALL_BYTES): Promise<Refusal> {
  const refusal = await refuse(inject('brokers'), scene, kind, { 'max.message.bytes': String(maxBytes) });
  onTestFinished(() => refusal.close());
  return refusal;
}

/** Committed offset of the partition of each of these jobs, and the job's own. */
async function comparePositions(scene: Scene, ids: ReadonlySet<string>): Promise<{ offset: number; committed: number }[]> {
  const { settled } = await scene.sightCommits();
  return scene.accepted.filter(({ id }) => ids.has(id)).map(({ partition, offset }) => ({ offset, committed: settled.get(partition)?.offset ?? 0 }));
}

const PARTITIONS = 6;
const JOBS = 10;

async function startOpen(scene: Scene): Promise<WorkerProcess> {
  const worker = await scene.startWorker();
  await scene.until(`all partitions to be open on ${worker.workerId}`, () => worker.all('active').length === PARTITIONS);
  return worker;
}

const trouble: { topic: 'retry' | 'dlq'; workload: Partial<Workload> }[] = [
  { topic: 'retry', workload: { failing: { share: 0.3, upTo: 2 } } },
  { topic: 'dlq', workload: { poisonShare: 0.2, attempts: 1 } },
];

test.each(trouble)('leaves the source uncommitted while the broker refuses writes to the $topic topic, says so, and heals without loss', async ({ topic, workload }) => {
  const scene = await openScene({ workload });
  const entities = nameEntities(30);
  const isBad = (entity: string, sequence: number): boolean => isPoison(scene.workload, entity, sequence) || fateOf(scene.workload, entity, sequence, 1, false) !== 'done';
  await scene.enqueue(['warm-up'], 1);
  const worker = await startOpen(scene);

  const refusal = await openRefusal(scene, topic);
  await refusal.begin();
  await scene.enqueue(entities, JOBS);
  const bad = new Set(scene.accepted.filter(({ entity, sequence }) => entity !== 'warm-up' && isBad(entity, sequence)).map(({ id }) => id));
  // Each entity's first bad job fails; its partition's worker tries to write that, again and again.
  const firstBad = new Set(entities.flatMap((entity) => scene.accepted.find(({ id, entity: of }) => of === entity && bad.has(id))?.id ?? []));
  await scene.until('the first bad job of each entity to have failed', () => {
    const failed = new Set(scene.lines.filter(({ outcome }) => outcome === 'retry' || outcome === 'dead').map(({ id }) => id));
    return [...firstBad].every((id) => failed.has(id));
  });
  await scene.until('the worker to say so, more than once', () => {
    const refused = worker.all('publish-refused');
    return refused.length > 2 * PARTITIONS && refused.every(({ stream, code }) => stream === topic && code === 'BROKER_RECORD_TOO_LARGE');
  });
  for (const { offset, committed } of await comparePositions(scene, firstBad)) expect(committed).toBeLessThanOrEqual(offset);
  // What does not need the refused topic goes on.
  const good = entities.filter((entity) => !scene.accepted.some(({ id, entity: of }) => of === entity && bad.has(id)));
  expect(good.length).toBeGreaterThan(0);
  await scene.until('the entities without bad jobs to be done', () => {
    const done = new Set(scene.lines.filter(({ outcome }) => outcome === 'done').map(({ entity, sequence }) => `${entity}#${sequence}`));
    return good.every((entity) => done.has(`${entity}#${JOBS}`));
  });

  await refusal.end();
  const buried = scene.accepted.filter(({ entity, sequence }) => isPoison(scene.workload, entity, sequence)).length;
  await scene.untilDone(scene.accepted.length - buried);
  await scene.untilCommitted();
  const history = await scene.history();
  expect(history.buried).toHaveLength(buried);
  expect(findViolations(allKept, history)).toEqual([]);
});

test('loses nothing when its worker is killed while the broker refuses writes to the retry topic and the DLQ, and its heir starts into that', async () => {
  const terms = givingUp([{ promise: boundedRepeats, because: 'no flush succeeds meanwhile: all that ended since the refusal began is repeated' }]);
  const scene = await openScene({ workload: { failing: { share: 0.3, upTo: 2 }, poisonShare: 0.1, attempts: 4 } });
  await scene.enqueue(['warm-up'], 1);
  const killed = await startOpen(scene);
  const refusals = [await openRefusal(scene, 'retry'), await openRefusal(scene, 'dlq')];
  for (const refusal of refusals) await refusal.begin();
  await scene.enqueue(nameEntities(30), JOBS);
  await scene.until('both topics to refuse', () => new Set(killed.all('publish-refused').map(({ stream }) => stream)).size === 2);
  await scene.kill(killed);
  await scene.sightCommits();
  const heir = await scene.startWorker();
  // Without its lease in the log it must not begin.
  await scene.until('the heir\'s leases to be refused', () => new Set(heir.all('publish-refused').map(({ partition }) => partition)).size === PARTITIONS);
  expect(scene.lines.filter(({ worker }) => worker === heir.workerId)).toEqual([]);
  for (const refusal of refusals) await refusal.end();
  const poisoned = scene.accepted.filter(({ entity, sequence }) => isPoison(scene.workload, entity, sequence)).length;
  await scene.untilDone(scene.accepted.length - poisoned);
  await scene.untilCommitted();
  expect(findViolations(terms, await scene.history())).toEqual([]);
});

test('settles everything after a time in which the broker took some records of a partition\'s waiting room and refused those before them', async () => {
  const scene = await openScene({ partitions: 2, workload: { failing: { share: 0.3, upTo: 2 }, slowRetry: { sequence: 1, afterMs: 1500 } } });
  const entities = nameEntities(30);
  await scene.enqueue(entities, 1);
  const worker = await scene.startWorker();
  await scene.untilCommitted();
  expect(scene.doneJobs).toBe(0);
  // The first jobs wait in the room: they leave it by tombstones, among waiting records of the others.
  const refusal = await openRefusal(scene, 'retry', REFUSES_SOME_BYTES);
  await refusal.begin();
  await scene.enqueue(entities, JOBS, 2);
  await scene.untilDone(scene.accepted.length);
  expect(worker.all('publish-refused').length).toBeGreaterThan(2);
  await refusal.end();
  await scene.untilCommitted();
  await scene.stop(worker);
  const heir = await scene.startWorker();
  await scene.until('the heir to open its partitions', () => heir.all('active').length === 2);
  expect(heir.all('active').map(({ waiting }) => waiting)).toEqual([0, 0]);
  expect(findViolations(allKept, await scene.history())).toEqual([]);
});
