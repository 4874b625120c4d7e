import { expect, test } from 'vitest';
import type { FetchedBatch } from '../../../shared/kafka/port.ts';
import { ReplayFeed } from '../../../shared/replay/replayFeed.ts';
import { createPacer } from '../../../shared/runtime/pacer.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

/** The feed of a partition, and what it delivered. */
function openFeed(partition: number, clock: ReturnType<typeof createVirtualClock>, pacer = createPacer(null, clock)) {
  const delivered: FetchedBatch[] = [];
  const fetched: number[] = [];
  const feed = new ReplayFeed({
    topic: 'orders', partition, to: 1000, selects: () => true, pacer, clock, fetch: (offset) => { fetched.push(offset); }, stopFetching: () => undefined, deliver: (batch) => { delivered.push(batch); },
  });
  const fill = (): void => {
    const records = Array.from({ length: 1000 }, (_, offset) => ({ offset, timestampMs: 0, key: null, value: null, headers: undefined }));
    feed.resume(0);
    feed.fetched({ topic: 'orders', partition, records, nextOffset: 1000, highWatermark: 1000 });
  };
  return { feed, delivered, fetched, fill, count: () => delivered.reduce((sum, { records }) => sum + records.length, 0) };
}

test('the feeds of several partitions take turns at one pace, and keep it together', async () => {
  const clock = createVirtualClock(0);
  const pacer = createPacer(10, clock);
  const feeds = [0, 1, 2].map((partition) => openFeed(partition, clock, pacer));
  for (const { fill } of feeds) fill();
  await clock.advance(30_000);
  const counts = feeds.map(({ count }) => count());
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
  expect(counts.reduce((sum, one) => sum + one)).toBeGreaterThanOrEqual(298);
  expect(counts.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(302);
});

test('a feed of a range that Kafka deletes while it is read comes to its end all the same', () => {
  const clock = createVirtualClock(0);
  const { feed, delivered, fetched } = openFeed(0, clock);
  feed.resume(5);
  feed.logStarts(12);
  expect(delivered).toEqual([]);
  feed.logStarts(5000);
  expect(fetched).toEqual([5]);
  expect(delivered).toMatchObject([{ records: [], nextOffset: 1000 }]);
});
