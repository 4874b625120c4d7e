import { expect, test } from 'vitest';
import type { Cluster } from '../../../../shared/kafka/kafkajs/cluster.ts';
import { Cursors } from '../../../../shared/kafka/kafkajs/fetch/cursors.ts';
import { Fetcher } from '../../../../shared/kafka/kafkajs/fetch/fetcher.ts';
import { createVirtualClock } from '../../../../shared/testing/virtualClock.ts';

test('tells which topic-partition cannot be decoded, each time, and is not past it', async () => {
  const clock = createVirtualClock(0);
  const told: unknown[] = [];
  const asked: number[] = [];
  const records = Buffer.alloc(100, 1);
  records.writeInt32BE(88, 8); // a batch of 100 bytes, by its length
  const link = { requestRaw: () => new Promise((resolve) => { clock.after(10, () => { resolve({ errorCode: 0, partitions: [{ topic: 'q', partition: 3, errorCode: 0, endOffset: 9, aborted: [], records }] }); }); }) };
  const cluster = { stale: false, topic: () => ({ leaders: new Map([[3, 1]]) }), link: () => Promise.resolve(link), refresh: () => Promise.resolve() };
  const cursors = new Cursors();
  cursors.add('q', 3);
  const cursor = cursors.get('q', 3) as NonNullable<ReturnType<Cursors['get']>>;
  const fetcher = new Fetcher(cluster as unknown as Cluster, cursors, { maxWaitMs: 100, maxBytesPerPartition: 1000 }, clock, () => { told.push('fetched'); }, () => { told.push('trouble'); },
    (topic, partition, error) => { told.push([topic, partition, error]); asked.push(cursor.offset); });
  cursors.resume(cursor, 5);
  fetcher.poke();
  await clock.advance(30_000);
  fetcher.stop();
  expect(told.length).toBeGreaterThan(3);
  expect(new Set(asked)).toEqual(new Set([5]));
  for (const one of told) expect(one).toEqual(['q', 3, expect.objectContaining({ code: 'RECORDS_UNREADABLE' })]);
});
