import { copyBack } from './copyBack.ts';

/** A copy of three bytes makes at most 64: no block grows by more than this. */
const LARGEST_FACTOR = 22;
/** Java's framing of blocks (xerial): a magic, two versions, then blocks that each follow their length. Others send one bare block. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = XERIAL_MAGIC.length + 8;

/**
 * What was compressed with Snappy, framed by xerial or bare (source: `format_description.txt` of Snappy). Every length and distance is held to its
 * bounds, so that damaged bytes cost no more time and memory than sound ones. @throws RangeError when they are damaged, or make more than `maxBytes`
 */
export function unsnappy(body: Buffer, maxBytes: number): Buffer {
  if (!body.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return unsnappyBlock(body, maxBytes);
  const blocks: Buffer[] = [];
  let left = maxBytes;
  for (let at = XERIAL_HEADER_BYTES; at < body.length;) {
    const length = body.readUInt32BE(at);
    if (length > body.length - at - 4) throw damaged(at);
    const block = unsnappyBlock(body.subarray(at + 4, at + 4 + length), left);
    left -= block.length;
    blocks.push(block);
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function unsnappyBlock(block: Buffer, maxBytes: number): Buffer {
  let at = 0;
  let size = 0;
  for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
    if (shift > 28 || at >= block.length) throw damaged(at);
    byte = block.readUInt8(at++);
    size += (byte & 0x7f) * 2 ** shift;
  }
  if (size > maxBytes || size > block.length * LARGEST_FACTOR) throw new RangeError(`a block of ${block.length} B claims to hold ${size} B`);
  const out = Buffer.allocUnsafe(size);
  let filled = 0;
  while (at < block.length) {
    const tag = block.readUInt8(at++);
    const bits = tag >>> 2;
    if ((tag & 3) === 0) {
      let length = bits + 1;
      if (bits >= 60) {
        const lengthBytes = bits - 59;
        if (at + lengthBytes > block.length) throw damaged(at);
        length = block.readUIntLE(at, lengthBytes) + 1;
        at += lengthBytes;
      }
      if (length > block.length - at || length > size - filled) throw damaged(at);
      block.copy(out, filled, at, at + length);
      at += length;
      filled += length;
      continue;
    }
    const distanceBytes = (tag & 3) === 3 ? 4 : tag & 3;
    if (at + distanceBytes > block.length) throw damaged(at);
    const length = distanceBytes === 1 ? (bits & 7) + 4 : bits + 1;
    const distance = distanceBytes === 1 ? ((tag >>> 5) << 8) + block.readUInt8(at) : block.readUIntLE(at, distanceBytes);
    at += distanceBytes;
    if (distance === 0 || distance > filled || length > size - filled) throw damaged(at);
    copyBack(out, filled, distance, length);
    filled += length;
  }
  if (filled !== size) throw damaged(at);
  return out;
}

function damaged(at: number): RangeError {
  return new RangeError(`damaged at byte ${at}`);
}
