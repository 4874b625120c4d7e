import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { MillraceError } from '../../../errors/MillraceError.ts';
import { unlz4 } from './lz4.ts';
import { unsnappy } from './snappy.ts';

/** No batch may grow beyond this: a small one can be made to claim anything. What stops inflating is the library's own bound, or ours. */
const LARGEST_BATCH_BYTES = 256 * 1024 * 1024;

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/**
 * The records of a batch, whatever its producer compressed them with. KafkaJS brings gzip only, and a batch that cannot be read
 * would stop its partition for ever. @param codec the lowest three bits of the batch's attributes @throws MillraceError BROKER_REFUSED
 */
export function decompress(body: Buffer, codec: number, maxBytes = LARGEST_BATCH_BYTES): Buffer {
  try {
    switch (codec) {
      case 0: return body;
      case 1: return gunzipSync(body, { maxOutputLength: maxBytes });
      case 2: return unsnappy(body, maxBytes);
      case 3: return unlz4(body, maxBytes);
      case 4: if (typeof zstdDecompressSync === 'function') return zstdDecompressSync(body, { maxOutputLength: maxBytes });
    }
  } catch (error) {
    throw new MillraceError('BROKER_REFUSED', { at: `records compressed with ${names[codec] ?? codec}`, got: error, cause: error });
  }
  throw new MillraceError('BROKER_REFUSED', { at: 'compressed records', expected: 'gzip, snappy, lz4 or (from Node 22.15) zstd', got: names[codec] ?? codec, fix: 'Change the producer\'s compression.type' });
}
