import { createRequire } from 'node:module';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { MillraceError } from '../../../errors/MillraceError.ts';

const require = createRequire(import.meta.url);

/** No batch may grow beyond this: a small one can be made to claim anything. */
const LARGEST_BATCH_BYTES = 256 * 1024 * 1024;
/** An LZ4 block holds at most 255 times its bytes. */
const LZ4_LARGEST_FACTOR = 255;

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/**
 * The records of a batch, whatever its producer compressed them with. KafkaJS brings gzip only, and a batch that cannot be read
 * would stop its partition for ever. @param codec the lowest three bits of the batch's attributes @throws MillraceError BROKER_REFUSED
 */
export function decompress(body: Buffer, codec: number): Buffer {
  try {
    switch (codec) {
      case 0: return body;
      case 1: return gunzipSync(body, { maxOutputLength: LARGEST_BATCH_BYTES });
      case 2: return unsnappy(body);
      case 3: return unlz4(body);
      case 4: if (typeof zstdDecompressSync === 'function') return zstdDecompressSync(body, { maxOutputLength: LARGEST_BATCH_BYTES });
    }
  } catch (error) {
    throw new MillraceError('BROKER_REFUSED', { at: `records compressed with ${names[codec] ?? codec}`, got: error, cause: error });
  }
  throw new MillraceError('BROKER_REFUSED', { at: 'compressed records', expected: 'gzip, snappy, lz4 or (from Node 22.15) zstd', got: names[codec] ?? codec, fix: 'Change the producer\'s compression.type' });
}

/** Java's framing of Snappy blocks (xerial): a magic, two versions, then blocks that each follow their length. Others send one bare block. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);

function unsnappy(body: Buffer): Buffer {
  const { uncompress } = require('snappyjs') as { uncompress: (data: Buffer, maxBytes: number) => Buffer };
  if (!body.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return uncompress(body, LARGEST_BATCH_BYTES);
  const blocks: Buffer[] = [];
  let left = LARGEST_BATCH_BYTES;
  for (let at = XERIAL_MAGIC.length + 8; at < body.length;) {
    const length = body.readInt32BE(at);
    const block = uncompress(body.subarray(at + 4, at + 4 + length), left);
    left -= block.length;
    blocks.push(block);
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function unlz4(body: Buffer): Buffer {
  const lz4 = require('lz4js') as { decompressBound: (data: Buffer) => number; decompress: (data: Buffer, maxBytes: number) => Uint8Array };
  const bound = Math.min(lz4.decompressBound(body), body.length * LZ4_LARGEST_FACTOR, LARGEST_BATCH_BYTES);
  const out = lz4.decompress(body, bound);
  return Buffer.from(out.buffer, out.byteOffset, out.byteLength);
}
