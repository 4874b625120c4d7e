import { createRegistry } from '../../shared/avro/registry.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { createLogObserver } from '../../shared/worker/logObserver.ts';
import { createWorker } from '../../shared/worker/worker.ts';
import { startStopwatch } from '../measure/processFigures.ts';
import { benchJob } from './benchJob.ts';

/** Child process: drains the preloaded queue with millrace and prints one line of JSON when all is committed. */
const [jobs = 0, workMs = 0, concurrency = 100] = process.argv.slice(2, 5).map(Number);
const [queue = '', group = ''] = process.argv.slice(5);
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const broker = createKafkajsBroker({ brokers });
const logger = createLogger({ level: 'warn', service: 'bench', clock: systemClock });
const topics = queueTopicNames(queue);

const lastByKey = new Map<string, number>();
let ended = 0;
let outOfOrder = 0;
let watch = startStopwatch();
const job = benchJob(queue, workMs, (payload) => {
  if (ended++ === 0) watch = startStopwatch();
  if (payload.sequence <= (lastByKey.get(payload.customer) ?? -1)) outOfOrder++;
  lastByKey.set(payload.customer, payload.sequence);
});
const worker = createWorker({
  broker, jobs: [job], logger, concurrency,
  registry: createRegistry({ url: process.env['SCHEMA_REGISTRY_URL'] ?? '' }),
  observe: () => createLogObserver(logger, queue),
  groupOf: () => group,
});
await worker.start();
const admin = broker.createAdmin({ clientId: 'bench-admin' });
const ends = await admin.logBounds(topics.main);
const isCommitted = async (): Promise<boolean> => {
  if (ended < jobs) return false;
  const committed = await admin.committed(group, topics.main);
  return committed.every(({ partition, position }) => (position?.offset ?? 0) >= (ends.find((end) => end.partition === partition)?.endOffset ?? 0));
};
let allEnded = 0;
while (!(await isCommitted())) {
  if (ended >= jobs && allEnded === 0) allEnded = performance.now();
  await new Promise((resolve) => { setTimeout(resolve, 10); });
}
const figures = watch.stop();
process.stdout.write(`${JSON.stringify({ ...figures, ended, outOfOrder, keys: lastByKey.size })}\n`);
await worker.stop();
await admin.close();
process.exit(0);
