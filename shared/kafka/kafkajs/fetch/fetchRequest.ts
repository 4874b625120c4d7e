import { kafkajsInternals, type WireRequest } from '../internals.ts';
import type { AbortedTransaction } from '../recordBatch/decode.ts';

/** The Fetch request, version 11 (Kafka 2.3 and newer), without a fetch session. */
export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly positions: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** After the last record that can be read. */
  readonly endOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, not yet read; a view of the reply. */
  readonly records: Buffer;
}

export interface FetchReply {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

const CONSUMER = -1;
const READ_COMMITTED = 1;
const EMPTY = Buffer.alloc(0);

export function encodeFetch(fetch: FetchRequest): WireRequest {
  const { requests } = kafkajsInternals();
  const byTopic = new Map<string, { partition: number; fetchOffset: number; maxBytes: number }[]>();
  for (const { topic, partition, offset } of shuffled(fetch.positions)) {
    const entry = { partition, fetchOffset: offset, maxBytes: fetch.maxBytesPerPartition };
    const list = byTopic.get(topic);
    if (list === undefined) byTopic.set(topic, [entry]);
    else list.push(entry);
  }
  const definition = requests['Fetch'];
  if (definition === undefined) throw new TypeError('no Fetch request');
  return definition.protocol({ version: 11 })({
    replicaId: CONSUMER,
    isolationLevel: READ_COMMITTED,
    maxWaitTime: fetch.maxWaitMs,
    minBytes: 1,
    maxBytes: fetch.maxBytes,
    rackId: '',
    topics: shuffled([...byTopic]).map(([topic, partitions]) => ({ topic, partitions })),
  }).request;
}

/** The broker fills a reply in the order asked, up to `maxBytes`: a random order serves every partition alike. */
function shuffled<T>(list: readonly T[]): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

/** Reads a reply's frame; records stay packed until somebody wants them. */
export function decodeFetch(raw: Buffer): FetchReply {
  const { Decoder } = kafkajsInternals();
  const reader = new Decoder(raw);
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  reader.readInt32(); // session
  const partitions: FetchedPartition[] = [];
  for (let topics = reader.readInt32(); topics > 0; topics--) {
    const topic = reader.readString() ?? '';
    for (let count = reader.readInt32(); count > 0; count--) {
      const partition = reader.readInt32();
      const partitionError = reader.readInt16();
      const highWatermark = Number(reader.readInt64());
      const lastStableOffset = Number(reader.readInt64());
      reader.readInt64(); // log start
      const aborted: AbortedTransaction[] = [];
      for (let transactions = reader.readInt32(); transactions > 0; transactions--) {
        aborted.push({ producerId: Number(reader.readInt64()), firstOffset: Number(reader.readInt64()) });
      }
      reader.readInt32(); // preferred replica
      const records = reader.readBytes() ?? EMPTY;
      partitions.push({ topic, partition, errorCode: partitionError, endOffset: lastStableOffset >= 0 ? lastStableOffset : highWatermark, aborted, records });
    }
  }
  return { errorCode, partitions };
}

