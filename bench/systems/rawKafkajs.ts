import { Kafka, logLevel, type Consumer } from 'kafkajs';
import { createCodec, createReader } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { HEADER_BYTES } from '../../shared/avro/wireFormat.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { jobV1, type JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { payloadOf } from '../jobs/load.ts';
import { millrace } from './millrace.ts';
import type { Place, System } from './system.ts';
import { versionOf } from './versionOf.ts';

const kafkaAt = ({ brokers }: Place, clientId: string): Kafka => new Kafka({ brokers: brokers.split(','), clientId, logLevel: logLevel.NOTHING });
const GROUP = 'bench-raw';

/** The limit: a bare KafkaJS producer, and a loop that only consumes and decodes. No outcomes, no order to keep, no commits, no retries. */
export const rawKafkajs: System = {
  name: 'raw KafkaJS loop',
  versions: () => versionOf('kafkajs'),
  needs: ['kafka'],
  durability: 'as millrace where it writes; its progress is not recorded at all',
  bulk: { slice: 5000, parallel: 2 },
  describe: ({ partitions = 6 }) => `eachBatch, partitionsConsumedConcurrently ${partitions}, maxWaitTimeInMs 200, no commits; send of many with acks=all, no headers`,
  prepare: (place, load, settings) => millrace.prepare(place, load, settings),
  remove: (place) => millrace.remove(place),
  async client(place, load) {
    const codec = createCodec({ registry: createRegistry({ url: place.registryUrl }), clock: systemClock });
    const writer = await codec.register(jobV1);
    const producer = kafkaAt(place, 'raw-client').producer();
    await producer.connect();
    const message = (sequence: number) => {
      const payload = payloadOf(load, sequence);
      return { key: payload.customer, value: codec.encode(payload, writer) };
    };
    return {
      async enqueue(sequence) {
        await producer.send({ topic: place.queue, acks: -1, messages: [message(sequence)] });
        return null;
      },
      async enqueueMany(from, count) {
        await producer.send({ topic: place.queue, acks: -1, messages: Array.from({ length: count }, (_, index) => message(from + index)) });
      },
      close: () => producer.disconnect(),
    };
  },
  async worker(place, _, { partitions = 6 }, { run }) {
    // avsc by itself, as anybody would use it: its writer's schema is the reader's, and what the bytes say is believed.
    const { type } = createReader(jobV1);
    const consumer: Consumer = kafkaAt(place, 'raw-worker').consumer({ groupId: GROUP + place.queue, maxWaitTimeInMs: 200 });
    await consumer.connect();
    await consumer.subscribe({ topic: place.queue, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitions,
      eachBatch: ({ batch }) => {
        for (const { value } of batch.messages) void run((type.decode(value as Buffer, HEADER_BYTES) as { value: JobV1 }).value.sequence, 1);
        return Promise.resolve();
      },
    });
    return { stop: () => consumer.disconnect() };
  },
  workerOfMany: () => Promise.resolve({ stop: () => Promise.resolve() }),
  watch: () => Promise.resolve({ pending: () => Promise.resolve(0), close: () => Promise.resolve() }),
};
