import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobEventsV2 } from '../../../schemas/millrace.JobEvents/payload.generated.ts';
import { createCodec, createReader } from '../../../shared/avro/codec.ts';
import { readSchemaId } from '../../../shared/avro/wireFormat.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { dead, retry, snooze, type Outcome } from '../../../shared/jobs/outcome.ts';
import { headerNames } from '../../../shared/kafka/envelope/headerNames.ts';
import type { Headers, OutgoingRecord } from '../../../shared/kafka/port.ts';
import type { Worker } from '../../../shared/worker/worker.ts';
import { framed } from '../avro/avroBytes.ts';
import { createRig, type Rig } from './rig.ts';
import { jobV1, sampleJob } from './sampleJob.ts';

/** What a producer may get wrong, on purpose or not. `edit` damages a good value; each is a choice of fast-check's. */
interface AnyRecord {
  readonly key: Buffer | null;
  readonly value: { readonly edit: 'none' | 'cut' | 'flip' | 'insert' | 'other id' | 'bytes' | 'null'; readonly at: number; readonly byte: number; readonly bytes: Uint8Array };
  readonly headers: readonly (readonly [string, Buffer | string | (Buffer | string)[] | undefined])[];
  readonly topic: 'work' | 'work.retry';
}

const someText = fc.oneof(
  fc.constantFrom('', '-1', '0', '1', '2', '3', '1e9', 'NaN', '1000000000', '9007199254740991', '9007199254740993', '1767225600500', '253402300799000', 'work.do', 'bench.Job', 'lost.kind'),
  fc.constantFrom('retry', 'void', 'lease', 'applied', 'held', 'behind', 'running', 'redrive', 'discard', 'work/0/1/5', 'work/0/3/-7', 'work/1/0/0', 'other/0/0/0', '{"code":"\\ud800","name":"n","message":"\\ud800","at":1e999}'),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const someValue = fc.oneof(someText, fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)));
const someHeaders = fc.array(
  fc.tuple(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...Object.values(headerNames)) }, fc.constantFrom('__proto__', 'constructor', ''), fc.string({ maxLength: 5 })), fc.oneof(someValue, fc.array(someValue, { minLength: 1, maxLength: 3 }), fc.constant(undefined))),
  { maxLength: 6 },
);
/** What looks like an owner's word, of an epoch that no owner has now, or like a lease, or like a command. */
const forged: fc.Arbitrary<AnyRecord> = fc.record({
  job: fc.nat(25), sort: fc.constantFrom('word', 'word', 'lease', 'command'), null: fc.boolean(),
  epoch: fc.constantFrom('0', '1000000', '281474976710656', '9007199254740991'), lease: fc.constantFrom('1', '2', '3', '4', '1000', '1000000', '281474976710656'),
  seq: fc.constantFrom('0', '1', '7', '999999999999999'), reason: fc.constantFrom('retry', 'void', 'held', 'unknown-kind', 'new-reason'), command: fc.constantFrom('redrive', 'discard'),
}).map(({ job, sort, null: isNull, epoch, lease, seq, reason, command }) => {
  const id = `work-0-${job}`;
  const headers: Record<typeof sort, AnyRecord['headers']> = {
    word: [['mr_epoch', epoch], ['mr_seq', seq], ['mr_origin', `work/0/${job}/0`], ['mr_reason', reason], ['ce_id', id]],
    lease: [['mr_epoch', lease], ['mr_reason', 'lease']],
    command: [['mr_command', command], ['mr_origin', `work/0/${job}/0`], ['ce_id', id], ['ce_type', 'work.do'], ['ce_partitionkey', 'a']],
  };
  const key = sort === 'word' ? id : `\u0000${sort}/${lease}`;
  return { key: Buffer.from(key), topic: 'work.retry', headers: headers[sort], value: { edit: isNull ? 'null' : 'none', at: 0, byte: 0, bytes: new Uint8Array() } };
});
const kindHeader = fc.constantFrom([], [['ce_type', 'work.do']] as const, [['ce_type', 'work.do']] as const, [['ce_type', 'loose']] as const);
const strange: fc.Arbitrary<AnyRecord> = fc.record({
  key: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b').map((text) => Buffer.from(text)) }, fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)), fc.constant(null)),
  value: fc.record({ edit: fc.constantFrom('none', 'none', 'none', 'cut', 'flip', 'insert', 'other id', 'bytes', 'null'), at: fc.nat(300), byte: fc.nat(255), bytes: fc.uint8Array({ maxLength: 20 }) }),
  headers: fc.tuple(kindHeader, someHeaders).map(([kind, more]) => [...kind, ...more]),
  topic: fc.oneof({ weight: 5, arbitrary: fc.constant('work' as const) }, fc.constant('work.retry' as const)),
});

const anyRecord = fc.oneof({ weight: 4, arbitrary: strange }, { weight: 1, arbitrary: forged });

function toRecord({ key, value: { edit, at, byte, bytes }, headers }: AnyRecord, good: Buffer): OutgoingRecord {
  const own = Object.create(null) as Record<string, Headers[string]>;
  for (const [name, value] of headers) own[name] = value;
  const place = at % good.length;
  const values: Record<typeof edit, () => Buffer | null> = {
    none: () => good,
    cut: () => good.subarray(0, place),
    flip: () => { const flipped = Buffer.from(good); flipped[place] = byte; return flipped; },
    insert: () => Buffer.concat([good.subarray(0, place), bytes, good.subarray(place)]),
    'other id': () => framed(byte - 100, good.subarray(5)),
    bytes: () => Buffer.from(bytes),
    null: () => null,
  };
  return { key, value: values[edit](), headers: own };
}

/** Behaves by the job's id, the same at each attempt. */
function behave(id: string, attempt: number): Outcome | undefined | Promise<Outcome | undefined> {
  switch ([...id].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 9) {
    case 0: return retry('3.3ms');
    case 1: return dead(id);
    case 2: throw new Error(`\u0000\ud800${id}`.repeat(500));
    case 3: return Promise.reject(new TypeError(id));
    case 4: return attempt === 1 ? retry() : undefined;
    case 5: return snooze('9000d');
    case 6: return Promise.resolve(undefined);
    case 7: return { [id]: id } as never;
    default: return undefined;
  }
}

const kinds = (): JobDefinition[] => {
  const rules = { queue: 'work', schema: jobV1, retry: { attempts: 3, backoff: { first: '20ms' } }, handle: (_payload: unknown, ctx: { id: string; attempt: number }) => behave(ctx.id, ctx.attempt) };
  return [
    defineJob({ ...rules, kind: 'work.do', key: () => 'unused' }),
    defineJob({ ...rules, kind: 'bench.Job', key: () => 'unused', whenBuried: 'hold' }),
    defineJob({ ...rules, kind: 'loose', key: null, order: 'none' }),
  ];
};

/** Offsets of the main topic by how their jobs stand, from the events, which must all be readable. */
async function standing(rig: Rig, worker: Worker): Promise<{ ended: Set<number>; waiting: Set<number> }> {
  const codec = createCodec({ registry: rig.registry, clock: rig.clock });
  const reader = createReader(jobEventsV2);
  const ended = new Set<number>();
  for (const { value } of rig.cluster.inspect.records('work.events', 0)) {
    await codec.load(readSchemaId(value));
    for (const { type, offset } of codec.decode(value, reader).events) if (type === 'done' || type === 'buried') ended.add(offset);
  }
  return { ended, waiting: new Set(worker.runners[0]?.engine.partitions.get(0)?.room.keys()) };
}

/** A redrive, forged, of a job that no record is of yet; behind it a job that was scheduled lines up. */
const calledBackTooSoon: AnyRecord[] = [
  { key: Buffer.from('\u0000command/1'), topic: 'work.retry', headers: [['mr_command', 'redrive'], ['mr_origin', 'work/0/2/0'], ['ce_id', 'work-0-2'], ['ce_type', 'work.do'], ['ce_partitionkey', 'a']], value: { edit: 'none', at: 0, byte: 0, bytes: new Uint8Array() } },
  { key: Buffer.from('a'), topic: 'work', headers: [['mr_not_before', '1767225600500']], value: { edit: 'none', at: 0, byte: 0, bytes: new Uint8Array() } },
  { key: null, topic: 'work', headers: [], value: { edit: 'none', at: 0, byte: 0, bytes: new Uint8Array() } },
];

test('whatever stands in the topics, each record is run, buried or waits, the frontier gets to the end, and nothing escapes', { timeout: 120_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 25 }), fc.nat(25), async (records, early) => {
    const rig = createRig(['work']);
    const writer = createCodec({ registry: rig.registry, clock: rig.clock });
    const good = Buffer.from(writer.encode(sampleJob(1), await rig.settle(writer.register(jobV1))));
    const append = (some: readonly AnyRecord[]): void => { for (const one of some) rig.cluster.inspect.append(one.topic, 0, [toRecord(one, good)]); };
    const end = (): number => rig.cluster.inspect.bounds('work', 0).endOffset;
    const committed = (): number => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset ?? 0;
    const checkAll = async (worker: Worker): Promise<void> => {
      await rig.clock.runUntil(() => committed() === end() || end() === 0, { maxMs: 60_000 });
      await rig.clock.advance(5000);
      const { ended, waiting } = await standing(rig, worker);
      for (let offset = 0; offset < end(); offset++) expect(ended.has(offset) || waiting.has(offset), `record ${offset} is forgotten`).toBe(true);
      expect(rig.seen.filter((line) => /^(trouble|commit failed|lost|p0 publish-refused|schema unavailable)/.test(line))).toEqual([]);
      expect(worker.ready).toBe(true);
    };

    append(records.slice(0, early));
    const first = await rig.startWorker(kinds());
    append(records.slice(early));
    await checkAll(first);
    const before = await standing(rig, first);
    await rig.settle(first.stop());
    // What waits is found by the next worker, and what has ended stays so.
    const second = await rig.startWorker(kinds());
    await checkAll(second);
    const after = await standing(rig, second);
    for (const offset of before.waiting) expect(after.waiting.has(offset) || after.ended.has(offset), `job ${offset} was forgotten in the restart`).toBe(true);
    await rig.settle(second.stop());
  }), { numRuns: 120, interruptAfterTimeLimit: 90_000, examples: [[calledBackTooSoon, 0]] });
});
