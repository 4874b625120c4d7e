import fastify from 'fastify';
import { Kafka, logLevel } from 'kafkajs';
import { jobV1, type JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { submissionSchema } from '../../shared/intake/submission.ts';
import { systemClock } from '../../shared/runtime/clock.ts';

/** Child process, the other side of the comparison: the same route that validates, encodes, and calls `send` of plain KafkaJS for each request. */
const topic = process.env['BENCH_QUEUE'] ?? '';
const codec = createCodec({ registry: createRegistry({ url: process.env['SCHEMA_REGISTRY_URL'] ?? '' }), clock: systemClock });
const writer = await codec.register(jobV1);
const kafka = new Kafka({ brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','), clientId: 'plain-door', logLevel: logLevel.ERROR });
const producer = kafka.producer();
await producer.connect();
const app = fastify();
const { $id: _, ...body } = submissionSchema;
app.post<{ Body: { kind: string; payload: JobV1 } }>('/v1/jobs', { schema: { body } }, async ({ body: { payload, kind } }, reply) => {
  const id = crypto.randomUUID();
  const value = codec.encode(payload, writer);
  await producer.send({ topic, acks: -1, messages: [{ key: payload.customer, value, headers: { ce_specversion: '1.0', ce_id: id, ce_type: kind, ce_source: '/plain', ce_time: new Date().toISOString() } }] });
  return reply.code(202).send({ id });
});
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ address })}\n`);
