import { copyBack } from './copyBack.ts';

const MAGIC = 0x184d2204;
const END_MARK = 0;
const UNCOMPRESSED = 0x80000000;
/** By the code in the frame's descriptor. */
const largestBlockBytes: Readonly<Record<number, number>> = { 4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20 };

/**
 * What was compressed into one LZ4 frame (source: LZ4's Frame Format and Block Format descriptions). Checksums of the frame are passed over: the record batch
 * has its own. Every length and distance is held to its bounds, so that damaged bytes cost no more time and memory than sound ones.
 * @throws RangeError when they are damaged, or make more than `maxBytes`
 */
export function unlz4(body: Buffer, maxBytes: number): Buffer {
  if (body.length < 7 || body.readUInt32LE(0) !== MAGIC) throw new RangeError('no LZ4 frame');
  const flags = body.readUInt8(4);
  const blockBytes = largestBlockBytes[(body.readUInt8(5) >>> 4) & 7];
  if (flags >>> 6 !== 1 || blockBytes === undefined) throw new RangeError('no LZ4 frame of version 1');
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4;
  let at = 6 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4) + 1;
  let out: Buffer = Buffer.allocUnsafe(Math.min(maxBytes, blockBytes, body.length * 4));
  let filled = 0;
  for (;;) {
    if (at + 4 > body.length) throw damaged(at);
    const word = body.readUInt32LE(at);
    at += 4;
    if (word === END_MARK) return out.subarray(0, filled);
    const length = word & ~UNCOMPRESSED;
    if (length > body.length - at) throw damaged(at);
    const block = body.subarray(at, at + length);
    at += length + checksumBytes;
    const bound = Math.min(maxBytes, filled + blockBytes);
    if (word < UNCOMPRESSED) {
      const grown = fillBlock(block, out, filled, bound);
      out = grown.out;
      filled = grown.filled;
      continue;
    }
    if (length > bound - filled) throw damaged(at);
    out = withRoom(out, filled, filled + length, bound);
    block.copy(out, filled);
    filled += length;
  }
}

/** @param bound what `filled` may become */
function fillBlock(block: Buffer, given: Buffer, start: number, bound: number): { readonly out: Buffer; readonly filled: number } {
  let out = given;
  let filled = start;
  let at = 0;
  const longer = (length: number): number => {
    if (length < 15) return length;
    for (let sum = length; ;) {
      if (at >= block.length) throw damaged(at);
      const byte = block.readUInt8(at++);
      sum += byte;
      if (byte < 255) return sum;
    }
  };
  while (at < block.length) {
    const token = block.readUInt8(at++);
    const literals = longer(token >>> 4);
    if (literals > block.length - at || literals > bound - filled) throw damaged(at);
    out = withRoom(out, filled, filled + literals, bound);
    block.copy(out, filled, at, at + literals);
    at += literals;
    filled += literals;
    if (at === block.length) return { out, filled }; // the last sequence is literals only
    if (at + 2 > block.length) throw damaged(at);
    const distance = block.readUInt16LE(at);
    at += 2;
    const length = longer(token & 15) + 4;
    if (distance === 0 || distance > filled || length > bound - filled) throw damaged(at);
    out = withRoom(out, filled, filled + length, bound);
    copyBack(out, filled, distance, length);
    filled += length;
  }
  throw damaged(at);
}

function withRoom(out: Buffer, filled: number, needed: number, bound: number): Buffer {
  if (needed <= out.length) return out;
  const larger = Buffer.allocUnsafe(Math.min(bound, Math.max(needed, out.length * 2)));
  out.copy(larger, 0, 0, filled);
  return larger;
}

function damaged(at: number): RangeError {
  return new RangeError(`damaged at byte ${at}`);
}
