/** Where a job's main record stands: its place in its lane. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The main record's timestamp, epoch ms. */
  readonly timestampMs: number;
}

/** As `mr_origin` says it: `topic/partition/offset/timestamp`. */
export function formatOrigin(origin: Origin): string {
  return `${origin.topic}/${origin.partition}/${origin.offset}/${origin.timestampMs}`;
}

const shape = /^([A-Za-z0-9._-]{1,249})\/([0-9]{1,10})\/([0-9]{1,16})\/(-?[0-9]{1,16})$/;
const MAX_PARTITION = 2 ** 31 - 1;

/** Reads {@link formatOrigin}'s text; null for anything else. A timestamp of -1 is Kafka's "none"; Kafka takes other negative ones, too. */
export function parseOrigin(text: string | null): Origin | null {
  const match = text === null ? null : shape.exec(text);
  if (match === null) return null;
  const [, topic = '', partition, offset, timestamp] = match;
  const origin = { topic, partition: Number(partition), offset: Number(offset), timestampMs: Number(timestamp) };
  const sound = origin.partition <= MAX_PARTITION && Number.isSafeInteger(origin.offset) && Number.isSafeInteger(origin.timestampMs);
  return sound ? origin : null;
}
