import { expect, test } from 'vitest';
import type { Cluster } from '../../../../shared/kafka/kafkajs/cluster.ts';
import { code, errorOfCode, isStaleLeaderFailure } from '../../../../shared/kafka/kafkajs/failure.ts';
import { Cursors } from '../../../../shared/kafka/kafkajs/fetch/cursors.ts';
import { Fetcher } from '../../../../shared/kafka/kafkajs/fetch/fetcher.ts';
import type { FetchReply } from '../../../../shared/kafka/kafkajs/fetch/fetchRequest.ts';
import { createVirtualClock } from '../../../../shared/testing/virtualClock.ts';

/** A broker that answers fetches of one partition with these error codes, the last one for ever. */
async function troublesOf(codes: readonly number[]): Promise<string[]> {
  const clock = createVirtualClock(0);
  const troubles: string[] = [];
  const left = [...codes];
  const answer = (): FetchReply => {
    const errorCode = (left.length > 1 ? left.shift() : left[0]) ?? 0;
    return { errorCode: 0, partitions: [{ topic: 'q', partition: 0, errorCode, endOffset: 0, aborted: [], records: Buffer.alloc(0) }] };
  };
  const link = { requestRaw: () => new Promise((resolve) => { clock.after(10, () => { resolve(answer()); }); }) };
  const cluster = { stale: false, topic: () => ({ leaders: new Map([[0, 1]]) }), link: () => Promise.resolve(link), refresh: () => Promise.resolve() };
  const cursors = new Cursors();
  cursors.add('q', 0);
  const fetcher = new Fetcher(cluster as unknown as Cluster, cursors, { maxWaitMs: 100, maxBytesPerPartition: 1000 }, clock, () => undefined, (error) => { troubles.push(error.message); }, () => undefined);
  cursors.resume(cursors.get('q', 0) as NonNullable<ReturnType<Cursors['get']>>, 0);
  fetcher.poke();
  await clock.advance(10_000);
  fetcher.stop();
  return troubles;
}

test('says nothing of a leader that moves: the next answer is right', async () => {
  expect(await troublesOf([code.NOT_LEADER_OR_FOLLOWER, code.NOT_LEADER_OR_FOLLOWER, 0])).toEqual([]);
});

test('says so when nobody leads a partition for longer', async () => {
  const troubles = await troublesOf([code.NOT_LEADER_OR_FOLLOWER]);
  expect(troubles.length).toBeGreaterThan(3);
  expect(troubles[0]).toContain('NOT_LEADER_OR_FOLLOWER');
});

test('says at once what no other leader mends', async () => {
  expect(await troublesOf([code.UNSUPPORTED_VERSION, 0])).toHaveLength(1);
  expect(isStaleLeaderFailure(errorOfCode(code.NOT_LEADER_OR_FOLLOWER, { at: 'positions' }))).toBe(true);
  expect(isStaleLeaderFailure(errorOfCode(code.UNSUPPORTED_VERSION))).toBe(false);
});
