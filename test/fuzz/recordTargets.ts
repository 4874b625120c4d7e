import fc from 'fast-check';
import { createCodec } from '../../shared/avro/codec.ts';
import { decodeLogPoint, decodeSettled, encodeLogPoint, encodeSettled, MAX_SPAN } from '../../shared/engine/commitMetadata.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createMemoryRegistry } from '../../shared/testing/memoryRegistry.ts';
import { readMainRecord, readRoomRecord } from '../../shared/worker/readRecords.ts';
import { mutationsOf } from './mutate.ts';
import { holdTo, type Target } from './target.ts';

/** Anything that somebody may have put into a commit: also what no broker would take. */
const metadata = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.base64String({ maxLength: 200 }).map((bits) => `m1${bits}`),
  fc.integer({ min: 4096, max: 40_000 }).map((length) => `m1${'/'.repeat(length)}`),
  fc.tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 })).map(([epoch, seq]) => `r1${epoch}.${seq}`),
);

const commitMetadata: Target = {
  name: 'commit metadata',
  property: fc.property(metadata, fc.nat({ max: 2 ** 31 - 1 }), fc.uniqueArray(fc.nat({ max: MAX_SPAN + 100 }), { maxLength: 60 }), fc.nat(), fc.nat(), (text, base, above, epoch, seq) => {
    const settled = decodeSettled(base, text);
    holdTo('settled offsets read', settled.size, Math.min(MAX_SPAN, 8 * text.length));
    for (const offset of settled) if (offset < base || offset >= base + MAX_SPAN) throw new Error(`an offset that no commit can tell: ${offset - base}`);
    const point = decodeLogPoint(text);
    if (point !== null && !(Number.isSafeInteger(point.epoch) && Number.isSafeInteger(point.seq))) throw new Error('a point that is none');
    const from = Math.floor(base / 2);
    const fits = above.filter((offset) => offset < MAX_SPAN).sort((a, b) => a - b);
    const encoded = encodeSettled(from, above.map((offset) => from + offset));
    holdTo('bytes of metadata', encoded.length, 4096);
    if (JSON.stringify([...decodeSettled(from, encoded)].sort((a, b) => a - b)) !== JSON.stringify(fits.map((offset) => from + offset))) throw new Error('settled offsets changed on their way');
    if (JSON.stringify(decodeLogPoint(encodeLogPoint({ epoch, seq }))) !== JSON.stringify({ epoch, seq })) throw new Error('a log point changed on its way');
  }),
};

const changedMetadata: Target = {
  name: 'changed commit metadata',
  property: fc.property(fc.uniqueArray(fc.nat({ max: 500 }), { maxLength: 60 }).chain((above) => mutationsOf(Buffer.from(encodeSettled(0, above)))), (bytes) => {
    const settled = decodeSettled(0, bytes.toString());
    holdTo('settled offsets read', settled.size, 8 * bytes.length);
    decodeLogPoint(bytes.toString());
  }),
};

const header = fc.oneof(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)), fc.constantFrom('lease', 'void', '7', 'work/0/3/0', 'redrive').map((one) => Buffer.from(one)));
const record = fc.record({
  offset: fc.nat(), timestampMs: fc.oneof(fc.nat(), fc.maxSafeInteger(), fc.constant(2 ** 63)),
  key: fc.option(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))),
  value: fc.option(fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ maxLength: 12 }).map((bytes) => Uint8Array.from([0, 0, 0, 0, 1, ...bytes]))).map((bytes) => Buffer.from(bytes))),
  headers: fc.option(fc.dictionary(fc.constantFrom('ce_id', 'ce_type', 'mr_epoch', 'mr_seq', 'mr_origin', 'mr_reason', 'mr_attempt', 'mr_due', 'mr_error', 'mr_command', 'mr_null', 'mr_not_before'), header, { maxKeys: 10 }), { nil: undefined }),
});
const codec = createCodec({ registry: createMemoryRegistry(), clock: systemClock });

const worker: Target = {
  name: 'records as the worker reads them',
  property: fc.property(record, (given) => {
    const context = { topic: 'work', policies: new Map(), codec };
    const read = readMainRecord(context, given, 0, 0);
    if (typeof read !== 'number' && !(Math.abs(read.timestampMs) <= 8.64e15 && Number.isSafeInteger(read.notBeforeMs))) throw new Error('a job with a time that is none');
    readRoomRecord(context, given, 0, 0);
  }),
};

export const recordTargets: readonly Target[] = [commitMetadata, changedMetadata, worker];
