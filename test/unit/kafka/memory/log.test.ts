import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../../shared/kafka/kafkajs/recordBatch/encode.ts';
import { batchBytes } from '../../../../shared/kafka/memory/recordSize.ts';
import { createRig, record, START_MS } from './rig.ts';

const offsets = (rig: ReturnType<typeof createRig>, topic: string): number[] => rig.inspect.records(topic, 0).map(({ offset }) => offset);

describe('the log in memory', () => {
  it('counts a record\'s bytes as Kafka does', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    const field = fc.oneof(fc.constant(null), bytes, fc.constant(Buffer.alloc(9_000)));
    const headers = fc.dictionary(fc.string({ maxLength: 70 }), fc.oneof(bytes, fc.string({ maxLength: 70 }), fc.array(bytes, { minLength: 1, maxLength: 3 })), { maxKeys: 5 });
    fc.assert(fc.property(field, field, headers, (key, value, some) => {
      const one = { key, value, headers: some };
      expect(batchBytes(one)).toBe(encodeBatch([one], START_MS, { producerId: 1n, producerEpoch: 0, firstSequence: 0 }).length);
    }));
  });

  it('keeps the last record of each key when it is compacted, with its offset', () => {
    const rig = createRig();
    rig.inspect.createTopic({ name: 'c', partitions: 1, config: { 'cleanup.policy': 'compact' } });
    rig.inspect.append('c', 0, [record('1', 'a'), record('2', 'b'), record('3', 'a'), record('4', 'c'), record('5', 'b')]);
    rig.inspect.compact('c');
    expect(rig.inspect.records('c', 0).map(({ offset, value }) => `${offset}:${String(value)}`)).toEqual(['2:3', '3:4', '4:5']);
    expect(rig.inspect.bounds('c', 0)).toEqual({ startOffset: 0, endOffset: 5 });
  });

  it('compacts nothing that is younger than the topic\'s lag, nor by it', async () => {
    const rig = createRig();
    rig.inspect.createTopic({ name: 'c', partitions: 1, config: { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '10000' } });
    rig.inspect.append('c', 0, [record('1', 'a'), record('2', 'a')]);
    await rig.clock.advance(6_000);
    rig.inspect.append('c', 0, [record('3', 'a')]);
    rig.inspect.compact('c');
    expect(offsets(rig, 'c')).toEqual([0, 1, 2]);
    await rig.clock.advance(6_000);
    rig.inspect.compact('c');
    expect(offsets(rig, 'c')).toEqual([1, 2]);
    await rig.clock.advance(6_000);
    rig.inspect.compact('c');
    expect(offsets(rig, 'c')).toEqual([2]);
  });

  it('keeps a tombstone for the topic\'s time after the pass that met it, then forgets the key', async () => {
    const rig = createRig();
    rig.inspect.createTopic({ name: 'c', partitions: 1, config: { 'cleanup.policy': 'compact', 'delete.retention.ms': '5000' } });
    rig.inspect.append('c', 0, [record('1', 'a'), record(null, 'a'), record('2', 'b')]);
    await rig.clock.advance(100_000);
    rig.inspect.compact('c');
    expect(offsets(rig, 'c')).toEqual([1, 2]);
    await rig.clock.advance(5_000);
    rig.inspect.compact('c');
    expect(offsets(rig, 'c')).toEqual([2]);
  });

  it('leaves a topic alone that is not compacted', () => {
    const rig = createRig();
    rig.inspect.append('t', 0, [record('1'), record('2')]);
    rig.inspect.compact('t');
    expect(offsets(rig, 't')).toEqual([0, 1]);
  });

  it('moves its start past what is older than the retention', async () => {
    const rig = createRig();
    rig.inspect.createTopic({ name: 'r', partitions: 1, config: { 'retention.ms': '10000' } });
    rig.inspect.append('r', 0, [record('old'), record('old')]);
    await rig.clock.advance(8_000);
    rig.inspect.append('r', 0, [record('new')]);
    await rig.clock.advance(8_000);
    rig.inspect.expire('r');
    expect(rig.inspect.bounds('r', 0)).toEqual({ startOffset: 2, endOffset: 3 });
    await rig.clock.advance(8_000);
    rig.inspect.expire('r');
    expect(rig.inspect.bounds('r', 0)).toEqual({ startOffset: 3, endOffset: 3 });
  });

  it('forgets what was committed for a topic that is deleted', async () => {
    const rig = createRig();
    const { consumer } = rig.member('c');
    await rig.run(consumer.start());
    await rig.run(consumer.commit([{ partition: 0, positions: [{ topic: 't', offset: 3, metadata: '' }] }]));
    rig.inspect.deleteTopic('t');
    expect(rig.inspect.committed('g', 't', 0)).toBeNull();
  });
});
