import { readDigits } from '../readDigits.ts';

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

let usualTopic = '';
let usualPartition = -1;
/** What origins of that partition begin with. */
let usualBegin = '';
const MOST_DIGITS = 15;
const SLASH = 0x2f;

/** Reads {@link formatOrigin}'s bytes where they are of this partition, as nearly all are; null for anything else, which {@link parseOrigin} may know still. */
export function readUsualOrigin(raw: Buffer, topic: string, partition: number): Origin | null {
  if (topic !== usualTopic || partition !== usualPartition) {
    usualTopic = topic;
    usualPartition = partition;
    usualBegin = `${topic}/${partition}/`;
  }
  const from = usualBegin.length;
  if (raw.length <= from) return null;
  for (let at = 0; at < from; at++) if (raw[at] !== usualBegin.charCodeAt(at)) return null;
  let slash = from;
  while (slash < raw.length && raw[slash] !== SLASH) slash++;
  const [offset, timestampMs] = [readDigits(raw, from, slash, MOST_DIGITS), readDigits(raw, slash + 1, raw.length, MOST_DIGITS)];
  return offset < 0 || timestampMs < 0 ? null : { topic, partition, offset, timestampMs };
}
