import { expect, test } from 'vitest';
import { claimV1 } from '../../../schemas/millrace.Claim/payload.generated.ts';
import { createCodec, createReader } from '../../../shared/avro/codec.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createOutbox } from '../../../shared/outbox/outbox.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createMemoryClaims } from '../claims/memoryClaims.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

async function openScene() {
  const registry = createMemoryRegistry();
  const codec = createCodec({ registry, clock: systemClock });
  const store = createMemoryClaims(systemClock);
  const job = defineJob({ kind: 'order.charge', queue: 'orders', schema: jobV1, key: ({ customer }) => customer, handle: () => undefined });
  const outbox = createOutbox({ codec, largePayloads: { store, overBytes: 1000 } });
  await outbox.prepare([job]);
  // From here on a transaction may need neither Kafka nor the registry.
  registry.down = true;
  const statements: (string | Buffer | null)[][] = [];
  const tx = { query: (_text: string, params: (string | Buffer | null)[]) => { statements.push(params); return Promise.resolve(); } };
  const sequenceOf = (value: Buffer | null): number | 'claim' => {
    if (value !== null && value.length < 200 && value.includes('orders/')) return codec.decode(value, createReader(claimV1)).size > 1000 ? 'claim' : Number.NaN;
    return codec.decode(value, createReader(jobV1)).sequence;
  };
  return { store, job, outbox, tx, statements, sequenceOf };
}
const large = (sequence: number) => sampleJob(sequence, 'x'.repeat(2000 + sequence));

test('a large payload is in the store before its row is written, and the row holds its claim', async () => {
  const { store, job, outbox, tx, statements, sequenceOf } = await openScene();
  await outbox.enqueue(tx, job, sampleJob(1));
  await outbox.enqueue(tx, job, large(2));
  expect(statements.map((params) => sequenceOf(params[3] as Buffer))).toEqual([1, 'claim']);
  expect(store.objects.size).toBe(1);
});

test('so are those of a list, in its order', async () => {
  const { store, job, outbox, tx, statements, sequenceOf } = await openScene();
  await outbox.enqueueMany(tx, job, [sampleJob(1), large(2), sampleJob(3), large(4)]);
  const rows = JSON.parse(String(statements[0]?.[0])) as { value: string }[];
  expect(rows.map(({ value }) => sequenceOf(Buffer.from(value, 'base64')))).toEqual([1, 'claim', 3, 'claim']);
  expect(store.objects.size).toBe(2);
});

test('while the store is down nothing is written, and one bad payload puts nothing aside', async () => {
  const { store, job, outbox, tx, statements } = await openScene();
  await expect(outbox.enqueueMany(tx, [[job, large(1)], [job, { ...sampleJob(2), amount: 'much' } as never]])).rejects.toMatchObject({ code: 'BAD_PAYLOAD', detail: { at: expect.stringContaining('[1]') as string } });
  expect(store.objects.size).toBe(0);
  store.down = 'CLAIM_STORE_UNAVAILABLE';
  await expect(outbox.enqueue(tx, job, large(1))).rejects.toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE' });
  await expect(outbox.enqueueMany(tx, job, [sampleJob(1), large(2)])).rejects.toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE' });
  expect(statements).toEqual([]);
});
