import { describe, expect, test } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { retry } from '../../../shared/jobs/outcome.ts';
import type { OutgoingRecord } from '../../../shared/kafka/port.ts';
import { createRig, type Rig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

const HOUR_MS = 3_600_000;

/** Five jobs that fail once and wait an hour each; then a stranger writes into the retry topic. */
async function withWaitingJobs(act: (rig: Rig, append: (...records: OutgoingRecord[]) => void, ids: readonly string[]) => Promise<void>): Promise<{ ran: string[]; rig: Rig }> {
  const rig = createRig(['work']);
  const ran: string[] = [];
  const job = defineJob({ kind: 'work.do', queue: 'work', schema: jobV1, key: (payload) => `e${payload.sequence}`, retry: { backoff: { first: '1h', jitter: 0 } }, handle(payload, ctx) {
    ran.push(`${payload.sequence}#${ctx.attempt}`);
    return ctx.attempt === 1 ? retry() : undefined;
  } });
  const receipts = await rig.settle(rig.client.enqueueMany(job, [1, 2, 3, 4, 5].map((n) => sampleJob(n))));
  const first = await rig.startWorker([job]);
  await rig.clock.advance(10_000);
  await act(rig, (...records) => { rig.cluster.inspect.append('work.retry', 0, records); }, receipts.map(({ id }) => id));
  await rig.clock.advance(20_000);
  // More work, so that the room is written to.
  await rig.settle(rig.client.enqueueMany(job, [6, 7].map((n) => sampleJob(n))));
  await rig.clock.advance(10_000);
  expect(ran, 'the worker goes on').toContain('7#1');
  expect(rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset, 'and so does its frontier').toBe(7);
  await rig.settle(first.stop());
  await rig.clock.advance(8 * 24 * HOUR_MS);
  rig.cluster.inspect.compact('work.retry');
  const second = await rig.startWorker([job]);
  await rig.clock.advance(2 * HOUR_MS);
  expect([...new Set(ran.filter((line) => line.endsWith('#2')))].sort(), 'all that waited ran again').toEqual(['1#2', '2#2', '3#2', '4#2', '5#2', '6#2', '7#2']);
  expect(rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset).toBe(7);
  await rig.settle(second.stop());
  return { ran, rig };
}

const headers = (more: Record<string, string>): Record<string, string> => ({ mr_origin: 'work/0/900/0', mr_seq: '1', mr_reason: 'retry', mr_attempt: '1', ...more });
const value = Buffer.from('no Avro');

describe('the worker lives, its jobs go on and none that waits is lost when a stranger writes', () => {
  test.each<[string, (ids: readonly string[]) => OutgoingRecord[]]>([
    ['records without headers', () => [{ key: 'a', value }, { key: 'b', value: null }]],
    ['records without keys', () => [{ key: null, value }, { key: null, value: null }, { key: '', value }]],
    ['a tombstone under a waiting job\'s key', (ids) => [{ key: ids[2] ?? '', value: null }]],
    ['a text under every waiting job\'s key', (ids) => ids.map((key) => ({ key, value }))],
    ['a waiting job of the highest epoch there is', () => [{ key: 'x', value, headers: headers({ mr_epoch: '9007199254740991' }) }]],
    ['a waiting job of a high epoch', () => [{ key: 'x', value, headers: headers({ mr_epoch: '1000000' }) }]],
    ['a waiting job of the next epoch', () => [{ key: 'x', value, headers: headers({ mr_epoch: '2' }) }]],
    ['tombstones of a high epoch for all that waits', (ids) => ids.map((key, n) => ({ key, value: null, headers: headers({ mr_epoch: '1000000', mr_origin: `work/0/${n}/0` }) }))],
    ['a word of the owner\'s epoch with the highest sequence', () => [{ key: 'x', value, headers: headers({ mr_epoch: '1', mr_seq: '999999999999999' }) }]],
    ['a word of the owner\'s epoch with a sequence that no reader takes', () => [{ key: 'x', value, headers: headers({ mr_epoch: '1', mr_seq: '9007199254740991' }) }]],
    ['a lease of the highest epoch', () => [{ key: '\u0000lease/x', value, headers: { mr_epoch: '9007199254740991', mr_reason: 'lease' } }]],
    ['a lease of the highest epoch that a reader takes', () => [{ key: '\u0000lease/x', value, headers: { mr_epoch: String(2 ** 48), mr_reason: 'lease' } }]],
    ['a lease of the next epoch', () => [{ key: '\u0000lease/2', value, headers: { mr_epoch: '2', mr_reason: 'lease' } }]],
    ['leases one after the other', () => Array.from({ length: 50 }, (_, n) => ({ key: `\u0000lease/${n + 2}`, value, headers: { mr_epoch: String(n + 2), mr_reason: 'lease' } }))],
    ['commands about nothing', () => ['redrive', 'discard', 'explode'].map((command, n) => ({ key: `\u0000c${n}`, value, headers: { mr_command: command, mr_origin: `work/0/${9000 + n}/0` } }))],
    ['answers to commands that nobody gave', () => [{ key: '\u0000c9', value: null, headers: { mr_reason: 'applied', mr_epoch: '1', mr_seq: '77' } }]],
    ['headers of garbage', () => [{ key: 'g', value, headers: { mr_epoch: Buffer.from([0xff]), mr_seq: 'NaN', mr_origin: '////', mr_error: '{', mr_due: '-1' } }]],
    ['another queue\'s waiting job', () => [{ key: 'q', value, headers: headers({ mr_epoch: '1', mr_origin: 'other/0/1/0' }) }]],
  ])('%s', async (_, records) => {
    const { rig } = await withWaitingJobs(async (_rig, append, ids) => { append(...records(ids)); });
    expect(rig.seen.filter((line) => line.startsWith('trouble'))).toEqual([]);
  });

  test('a copy of each record that is there, twice', async () => {
    await withWaitingJobs(async (rig, append) => {
      const there = rig.cluster.inspect.records('work.retry', 0).map(({ key, value: bytes, headers: own }): OutgoingRecord => ({ key, value: bytes, ...(own === undefined ? {} : { headers: own }) }));
      append(...there, ...there);
    });
  });
});
