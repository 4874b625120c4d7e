import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { uniqueName } from '../../topicNames.ts';
import { buriedRecords } from './buriedRecords.ts';
import { createValueKit, sinkV1, type ValueKit } from './sink.ts';
import { createStage, until, type Appended, type RawRecord, type Stage } from './stage.ts';

let stage: Stage;
let kit: ValueKit;
const [POISONED, MIXED, CUT, TRANSACTIONS] = [0, 1, 2, 3] as const;

beforeAll(async () => {
  stage = await createStage('poison', { partitions: 4 });
  kit = await createValueKit(stage.registry);
  const key = (): string => 'unused';
  await stage.startWorker([
    defineJob({ kind: 'work.do', queue: stage.queue, schema: jobV1, key, handle: (payload, ctx) => { stage.note(payload, ctx); } }),
    defineJob({ kind: 'bench.Job', queue: stage.queue, schema: jobV1, key, handle: (payload, ctx) => { stage.note(payload, ctx); } }),
    defineJob({ kind: 'sink.do', queue: stage.queue, schema: sinkV1, key, handle: (payload, ctx) => { stage.note(payload, ctx); } }),
  ]);
});
afterAll(() => stage.close());

const lettersOf = (partition: number) => stage.letters.filter((letter) => 'partition' in letter && letter.partition === partition);
const good = (name: string, n: number): RawRecord => ({ key: `e${n % 7}`, value: kit.job(n), headers: { ce_id: `${name}-${n}`, ce_type: 'work.do' } });
const idsRun = (name: string): string[] => stage.runs.map(({ id }) => id).filter((id) => id.startsWith(`${name}-`));
const named = (name: string, numbers: readonly number[]): string[] => numbers.map((n) => `${name}-${n}`);

test('a partition of nothing but 1,000 poison records is worked off, each once into the DLQ, while the next one runs its jobs', async () => {
  const small = buriedRecords.map(({ make }) => make(kit)).filter(({ value }) => (value?.length ?? 0) < 20_000);
  const poison = Array.from({ length: 1000 }, (_, n) => {
    const record = small[n % small.length] as RawRecord;
    // The first ones are of one entity: the worst case, for each waits until the one before it is buried.
    return record.key === null || n < 300 ? record : { ...record, key: `entity-${n % 50}` };
  });
  const startedMs = Date.now();
  const [at] = await Promise.all([stage.append(poison, { partition: POISONED }), stage.append(Array.from({ length: 50 }, (_, n) => good('beside', n)), { partition: MIXED })]);
  await until(() => lettersOf(POISONED).length >= 1000, 'a thousand dead letters', 30_000);
  await stage.committedPast(at.at(-1) as Appended);
  expect(lettersOf(POISONED).map(({ headers }) => Number(String(headers?.['mr_origin']).split('/')[2])).sort((a, b) => a - b)).toEqual(at.map(({ offset }) => offset));
  for (const { offset } of at) {
    const letter = lettersOf(POISONED).find(({ headers }) => String(headers?.['mr_origin']).split('/')[2] === String(offset));
    expect(letter?.value).toEqual(poison[offset]?.value);
  }
  await stage.ran(named('beside', Array.from({ length: 50 }, (_, n) => n)));
  const lastLetterMs = Math.max(...lettersOf(POISONED).map(({ timestampMs }) => timestampMs));
  expect(lastLetterMs - startedMs, 'ms from the first record sent to the last dead letter').toBeLessThan(15_000);
}, 60_000);

test('one poison record among 500 leaves the others in order, also when they come packed', async () => {
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  for (const gzip of [false, true]) {
    const name = gzip ? 'packed' : 'mixed';
    const before = lettersOf(MIXED).length;
    const records = numbers.map((n) => (n === 250 ? { key: 'e0', value: kit.job(n).subarray(0, -5), headers: { ce_type: 'work.do', ce_id: `${name}-${n}` } } : good(name, n)));
    const at = await stage.append(records, { partition: MIXED, gzip });
    const letter = await stage.letterOf(at[250] as Appended);
    expect(letter.read.burial.reason).toBe('undecodable');
    await stage.committedPast(at.at(-1) as Appended);
    expect(lettersOf(MIXED)).toHaveLength(before + 1);
    for (let entity = 0; entity < 7; entity++) {
      const mine = numbers.filter((n) => n % 7 === entity && n !== 250);
      expect(idsRun(name).filter((id) => Number(id.split('-')[1]) % 7 === entity)).toEqual(named(name, mine));
    }
  }
});

test('a payload cut short after any of its bytes is never taken for another payload', async () => {
  const whole = kit.job(1);
  const cuts = Array.from({ length: whole.length }, (_, length) => ({ key: `e${length}`, value: whole.subarray(0, length), headers: { ce_type: 'work.do', ce_id: `cut-${length}` } }));
  const at = await stage.append(cuts, { partition: CUT });
  await until(() => lettersOf(CUT).length >= cuts.length, 'all dead letters', 20_000);
  await stage.committedPast(at.at(-1) as Appended);
  expect(lettersOf(CUT)).toHaveLength(cuts.length);
  expect(idsRun('cut')).toEqual([]);
});

test('of transactions the committed records run and the aborted do not, and their markers do not stop the frontier', async () => {
  const producer = new Kafka({ brokers: inject('brokers').split(','), logLevel: logLevel.NOTHING })
    .producer({ transactionalId: uniqueName('tx'), maxInFlightRequests: 1, idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const kept: string[] = [];
  for (let round = 0; round < 12; round++) {
    const abort = round % 3 !== 0;
    const transaction = await producer.transaction();
    const records = [good('tx', round * 10), good('tx', round * 10 + 1), ...(abort ? [{ key: 'e', value: Buffer.alloc(0) }] : [])];
    await transaction.send({ topic: stage.queue, messages: records.map(({ timestampMs: _, ...record }) => ({ ...record, partition: TRANSACTIONS })) });
    if (abort) await transaction.abort();
    else {
      await transaction.commit();
      kept.push(...named('tx', [round * 10, round * 10 + 1]));
    }
  }
  await producer.disconnect();
  const bounds = (await stage.admin.logBounds(stage.queue)).find(({ partition }) => partition === TRANSACTIONS);
  await stage.ran(kept);
  await stage.committedPast({ partition: TRANSACTIONS, offset: (bounds?.endOffset ?? 0) - 1, ackedMs: 0 });
  expect(idsRun('tx')).toEqual(kept);
  expect(lettersOf(TRANSACTIONS)).toEqual([]);
});

test('and none of it troubled the worker', () => {
  expect(stage.seen.filter((line) => /^(trouble|refused|lost|commit failed|abandoned)/.test(line))).toEqual([]);
});
