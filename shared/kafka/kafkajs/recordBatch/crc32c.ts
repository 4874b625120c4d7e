/** The CRC-32C polynomial (Castagnoli), reversed. */
const POLYNOMIAL = 0x82f63b78;

let tables: Int32Array | null = null;

/**
 * CRC-32C, eight bytes a step ("slicing by 8", Kounavis and Berry 2005): the checksum of record batches. KafkaJS's takes one byte
 * a step, and that was a third of the CPU time of sending.
 */
export function crc32c(data: Buffer, from: number, to: number): number {
  const table = (tables ??= makeTables());
  let crc = -1;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ ((data[at] as number) | ((data[at + 1] as number) << 8) | ((data[at + 2] as number) << 16) | ((data[at + 3] as number) << 24));
    crc = (table[1792 + (low & 0xff)] as number) ^ (table[1536 + ((low >>> 8) & 0xff)] as number)
      ^ (table[1280 + ((low >>> 16) & 0xff)] as number) ^ (table[1024 + (low >>> 24)] as number)
      ^ (table[768 + (data[at + 4] as number)] as number) ^ (table[512 + (data[at + 5] as number)] as number)
      ^ (table[256 + (data[at + 6] as number)] as number) ^ (table[data[at + 7] as number] as number);
  }
  for (; at < to; at++) crc = (table[(crc ^ (data[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Table k holds the checksum of a byte that k zero bytes follow. */
function makeTables(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const before = table[at - 256] as number;
    table[at] = (table[before & 0xff] as number) ^ (before >>> 8);
  }
  return table;
}
