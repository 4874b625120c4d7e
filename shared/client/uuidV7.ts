import { randomFillSync } from 'node:crypto';

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const MAX_COUNT = 0xfff;

/**
 * Makes UUIDs of version 7 (RFC 9562, §5.7, with the counter of §6.2 method 1 in rand_a): 48 bits of time, 12 bits that count within the
 * millisecond from a random start, 62 random bits. Each is greater than the one before, also when the clock goes back; when a millisecond's
 * count is used up, time is borrowed from the next. Node's own `randomUUIDv7` keeps no order within a millisecond.
 * @param now epoch ms
 */
export function createUuidV7(now: () => number, fillRandom: (bytes: Buffer) => void = randomFillSync): () => string {
  // Randomness is drawn in one go for many: 8 bytes each, and 2 for the count's start.
  const pool = Buffer.alloc(8192);
  let used = pool.length;
  let timeMs = -1;
  let count = 0;
  let timeHex = '';

  const randomByte = (): number => {
    if (used === pool.length) {
      fillRandom(pool);
      used = 0;
    }
    return pool[used++] ?? 0;
  };
  const byteHex = (byte: number): string => hex[byte & 0xff] ?? '';

  return () => {
    const currentMs = Math.floor(now());
    if (currentMs > timeMs || count >= MAX_COUNT) {
      timeMs = Math.max(currentMs, timeMs + 1);
      // The top bit starts at 0, so that at least 2,048 fit.
      count = ((randomByte() & 0x07) << 8) | randomByte();
      const text = timeMs.toString(16).padStart(12, '0');
      timeHex = `${text.slice(0, 8)}-${text.slice(8)}-7`;
    } else {
      count += 1;
    }
    return (
      timeHex + (byteHex(count >> 8)[1] ?? '') + byteHex(count) + '-' +
      byteHex((randomByte() & 0x3f) | 0x80) + byteHex(randomByte()) + '-' +
      byteHex(randomByte()) + byteHex(randomByte()) + byteHex(randomByte()) + byteHex(randomByte()) + byteHex(randomByte()) + byteHex(randomByte())
    );
  };
}
