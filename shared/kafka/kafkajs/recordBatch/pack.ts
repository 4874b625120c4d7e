import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { crc32c } from './crc32c.ts';

const HEADER_BYTES = 61;
const GZIP = 1;

/** The same record batch, its records compressed with gzip; or the batch itself where that is not smaller. Does not block the event loop; never rejects. */
export async function packBatch(batch: Buffer): Promise<Buffer> {
  const body = await promisify(gzip)(batch.subarray(HEADER_BYTES)).catch(() => null);
  if (body === null || body.length >= batch.length - HEADER_BYTES) return batch;
  const packed = Buffer.concat([batch.subarray(0, HEADER_BYTES), body]);
  packed.writeInt32BE(packed.length - 12, 8);
  packed.writeInt16BE(GZIP, 21);
  packed.writeUInt32BE(crc32c(packed, 21, packed.length), 17);
  return packed;
}
