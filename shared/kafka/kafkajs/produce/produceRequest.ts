import { kafkajsInternals, type WireRequest } from '../internals.ts';

export interface ProducePart {
  readonly topic: string;
  readonly partition: number;
  /** One record batch. */
  readonly batch: Buffer;
}

export interface ProduceResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
}

const ALL_REPLICAS = -1;

/** The Produce request, version 7, with acks=all. @param ackTimeoutMs how long the broker may wait for the replicas */
export function encodeProduce(parts: readonly ProducePart[], ackTimeoutMs: number): WireRequest {
  const { apiKeys, Encoder } = kafkajsInternals();
  const byTopic = new Map<string, ProducePart[]>();
  let bytes = 64;
  for (const part of parts) {
    bytes += part.batch.length + part.topic.length * 4 + 16;
    const list = byTopic.get(part.topic);
    if (list === undefined) byTopic.set(part.topic, [part]);
    else list.push(part);
  }
  return {
    apiKey: apiKeys['Produce'] ?? 0,
    apiVersion: 7,
    apiName: 'Produce',
    encode: () => {
      const out = new Encoder(bytes).writeString(null).writeInt16(ALL_REPLICAS).writeInt32(ackTimeoutMs).writeInt32(byTopic.size);
      for (const [topic, list] of byTopic) {
        out.writeString(topic).writeInt32(list.length);
        for (const { partition, batch } of list) out.writeInt32(partition).writeBytes(batch);
      }
      return Promise.resolve(out as never);
    },
  };
}

export function decodeProduce(raw: Buffer): ProduceResult[] {
  const { Decoder } = kafkajsInternals();
  const reader = new Decoder(raw);
  const results: ProduceResult[] = [];
  for (let topics = reader.readInt32(); topics > 0; topics--) {
    const topic = reader.readString() ?? '';
    for (let count = reader.readInt32(); count > 0; count--) {
      const partition = reader.readInt32();
      const errorCode = reader.readInt16();
      const baseOffset = Number(reader.readInt64());
      reader.readInt64(); // append time
      reader.readInt64(); // log start
      results.push({ topic, partition, errorCode, baseOffset });
    }
  }
  return results;
}
