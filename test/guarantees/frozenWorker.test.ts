import { expect, test } from 'vitest';
import { readRetryRecord } from '../../shared/kafka/envelope.ts';
import type { OutgoingRecord } from '../../shared/kafka/port.ts';
import { scanTopic } from '../../shared/kafka/scanTopic.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { seenByFencedSink } from './executions.ts';
import { nameEntities, openScene } from './openScene.ts';
import { measureRepeats } from './promises/boundedRepeats.ts';
import { allKept } from './promises/everyPromise.ts';
import { findViolations } from './promises/guarantee.ts';
import { risingFence } from './promises/risingFence.ts';

test('moves the partitions of a frozen worker, loses nothing, and lets a fenced sink tell what it does when it wakes', async () => {
  const scene = await openScene({ workload: { failing: { share: 0.4, upTo: 3 }, workMs: [10, 50] } });
  const entities = nameEntities(120);
  await scene.enqueue(entities, 25);
  const [frozen, healthy] = await Promise.all([scene.startWorker(), scene.startWorker()]);
  await scene.untilBusy(frozen, healthy);
  await scene.untilDone(0.25 * scene.accepted.length);
  scene.freeze(frozen);
  await scene.until('the healthy worker to own all partitions', () => new Set(healthy.all('active').map(({ partition }) => partition)).size === 6);
  await scene.untilDone(0.9 * scene.accepted.length);
  scene.thaw(frozen);
  // It notices, and comes back as a member like any other.
  await scene.until('the frozen worker to lose its partitions', () => frozen.has('lost'));
  const epochs = frozen.all('active').length;
  await scene.enqueue(entities, 5, 26);
  await scene.until('the woken worker to own partitions again', () => frozen.all('active').length > epochs);
  await scene.untilDone(scene.accepted.length);
  await scene.untilCommitted();

  // Whoever reads the waiting room after all this finds none of the zombie's jobs in it.
  await scene.stop(frozen);
  await scene.stop(healthy);
  const heir = await scene.startWorker();
  await scene.until('the heir to open its partitions', () => heir.all('active').length === 6);
  expect(heir.all('active').map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0, 0, 0]);
  const history = await scene.history();
  const sink = { ...history, lines: seenByFencedSink(history.lines) };
  // Its attempts in flight ended after their jobs had a new owner; the sink saw that by the fence alone.
  expect(sink.lines.length).toBeLessThan(history.lines.length);
  expect(risingFence.check(history)).toEqual([]);
  expect(findViolations(allKept, sink)).toEqual([]);
});

test('answers waiting records of a former owner that arrive late, so that nobody takes them for true', async () => {
  const scene = await openScene({ workload: { failing: { share: 0.3, upTo: 2 } } });
  const { main, retry } = queueTopicNames(scene.workload.queue);
  await scene.enqueue(nameEntities(40), 8);
  const former = await scene.startWorker();
  await scene.untilDone(scene.accepted.length);
  await scene.untilCommitted();
  const late: { partition: number; record: OutgoingRecord }[] = [];
  await scanTopic({
    broker: scene.broker, admin: scene.admin, topic: retry,
    visit: (partition, record) => { if (readRetryRecord(record, main, partition, Date.now()).type === 'wait') late.push({ partition, record }); },
  });
  expect(late.length).toBeGreaterThan(0);
  await scene.stop(former);
  const owner = await scene.startWorker();
  await scene.until('the new owner to open its partitions', () => owner.all('active').length === 6);

  // As if the former owner had sent them before it went, and the network had kept them until now.
  const producer = scene.broker.createProducer({ clientId: former.workerId });
  await producer.start();
  for (const { partition, record } of late) await producer.send(retry, partition, [record]);
  await producer.close();
  await scene.until('the owner to answer each', () => owner.all('noticed').filter(({ notice }) => notice === 'zombie-answered').length >= late.length);
  await scene.stop(owner);
  const heir = await scene.startWorker();
  await scene.until('the heir to open its partitions', () => heir.all('active').length === 6);
  expect(heir.all('active').map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0, 0, 0]);
  const history = await scene.history();
  expect(measureRepeats(history).repeats).toBe(0);
  expect(findViolations(allKept, history)).toEqual([]);
});
