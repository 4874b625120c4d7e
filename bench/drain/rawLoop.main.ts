import { Kafka, logLevel } from 'kafkajs';
import { createCodec, createReader } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { readSchemaId } from '../../shared/avro/wireFormat.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { jobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { startStopwatch } from '../measure/processFigures.ts';

/** Child process: the limit. A bare KafkaJS loop that only consumes and decodes; no outcomes, no order to keep, no commits. */
const jobs = Number(process.argv[2]);
const [queue = '', group = ''] = process.argv.slice(3);
const codec = createCodec({ registry: createRegistry({ url: process.env['SCHEMA_REGISTRY_URL'] ?? '' }), clock: systemClock });
const reader = createReader(jobV1);
const kafka = new Kafka({ brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','), clientId: group, logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 200 });
await consumer.connect();
await consumer.subscribe({ topic: queueTopicNames(queue).main, fromBeginning: true });
let seen = 0;
let watch = startStopwatch();
let sum = 0;
await new Promise<void>((resolve, reject) => {
  consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 6,
    eachBatch: async ({ batch }) => {
      const first = batch.messages[0]?.value;
      if (first !== null && first !== undefined && !codec.knows(readSchemaId(first))) await codec.load(readSchemaId(first));
      if (seen === 0) watch = startStopwatch();
      for (const { value } of batch.messages) sum += codec.decode(value, reader).sequence;
      seen += batch.messages.length;
      if (seen >= jobs) resolve();
    },
  }).catch(reject);
});
process.stdout.write(`${JSON.stringify({ ...watch.stop(), seen, sum })}\n`);
process.exit(0);
