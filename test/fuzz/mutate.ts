import fc from 'fast-check';

/** One change to bytes; places are given as shares of the length, so that one change fits bytes of any length. */
type Change =
  | { readonly type: 'flip'; readonly at: number; readonly bit: number }
  | { readonly type: 'set'; readonly at: number; readonly byte: number }
  | { readonly type: 'cut'; readonly at: number }
  | { readonly type: 'remove'; readonly at: number; readonly count: number }
  | { readonly type: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: 'repeat'; readonly at: number; readonly count: number; readonly to: number };

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const count = fc.integer({ min: 1, max: 16 });
/** Bytes that mean much: ends of ranges, sign bits, the first bytes of long numbers. */
const telling = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff);

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('flip' as const), at: place, bit: fc.integer({ min: 0, max: 7 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('set' as const), at: place, byte: fc.oneof(telling, fc.integer({ min: 0, max: 255 })) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), at: place, count }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('insert' as const), at: place, bytes: fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.array(telling, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes))) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('repeat' as const), at: place, count, to: place }) },
);

/** The bytes with up to five changes; sometimes random bytes in their place, or the beginning of them with the end of others. */
export function mutationsOf(bytes: Buffer, others: Buffer = bytes): fc.Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(change, { minLength: 0, maxLength: 5 }).map((changes) => changes.reduce(apply, bytes)) },
    { weight: 1, arbitrary: fc.tuple(place, place).map(([end, start]) => Buffer.concat([bytes.subarray(0, end * bytes.length), others.subarray(start * others.length)])) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }).map((random) => Buffer.from(random)) },
  );
}

function apply(bytes: Buffer, one: Change): Buffer {
  const at = Math.floor(one.at * bytes.length);
  const changed = Buffer.from(bytes);
  switch (one.type) {
    case 'flip':
      if (at < changed.length) changed[at] = (changed[at] as number) ^ (1 << one.bit);
      return changed;
    case 'set':
      if (at < changed.length) changed[at] = one.byte;
      return changed;
    case 'cut':
      return changed.subarray(0, at);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + one.count)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), one.bytes, bytes.subarray(at)]);
    case 'repeat': {
      const to = Math.floor(one.to * bytes.length);
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, at + one.count), bytes.subarray(to)]);
    }
  }
}
