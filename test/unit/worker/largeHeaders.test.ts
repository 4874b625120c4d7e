import { expect, test } from 'vitest';
import { createCodec } from '../../../shared/avro/codec.ts';
import { decodeRecords } from '../../../shared/kafka/kafkajs/recordBatch/decode.ts';
import { encodeBatch } from '../../../shared/kafka/kafkajs/recordBatch/encode.ts';
import type { FetchedRecord } from '../../../shared/kafka/port.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { readMainRecord } from '../../../shared/worker/readRecords.ts';

const codec = createCodec({ registry: createMemoryRegistry(), clock: systemClock });

function bytesWith(note: string): number {
  const batch = encodeBatch([{ key: 'k', value: Buffer.from('v'), headers: { ce_type: 'work.do', ce_id: 'job-1', note } }], 0, { producerId: 1n, producerEpoch: 0, firstSequence: 0 });
  const read = readMainRecord({ topic: 'work', policies: new Map(), codec }, decodeRecords(batch, 0).records[0] as FetchedRecord, 0, 0);
  return typeof read === 'number' ? NaN : read.bytes;
}

test('a job counts for all that its headers hold in memory, so that nobody fills it with large headers around small values', () => {
  expect(bytesWith('x'.repeat(100_000))).toBeGreaterThan(100_000);
  // A usual envelope counts alike, whatever is in it.
  expect(bytesWith('x')).toBe(bytesWith('xyz'));
});
