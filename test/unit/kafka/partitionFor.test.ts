import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { partitionFor } from '../../../shared/kafka/partitionFor.ts';

/** Hashes that Java's own test of murmur2 expects (UtilsTest.testMurmur2). */
const javaHashes: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partitionFor', () => {
  it.each(javaHashes)('sends the key %j where Java\'s default partitioner sends it', (key, hash) => {
    for (const count of [1, 6, 12, 1000, 2 ** 31 - 1]) expect(partitionFor(key, count)).toBe((hash & 0x7fffffff) % count);
  });

  it('agrees with KafkaJS\'s partitioner on any bytes and any number of partitions', () => {
    const theirs = Partitioners.DefaultPartitioner();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), fc.integer({ min: 1, max: 200 }), (bytes, count) => {
      const key = Buffer.from(bytes);
      const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 0, partitionErrorCode: 0, replicas: [], isr: [] }));
      expect(partitionFor(key, count)).toBe(theirs({ topic: 't', partitionMetadata, message: { key, value: null } }));
    }));
  });

  it('treats text as its UTF-8 bytes', () => {
    expect(partitionFor('größe', 97)).toBe(partitionFor(Buffer.from('größe'), 97));
  });
});
