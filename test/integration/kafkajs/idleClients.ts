/**
 * A worker with nothing to do, as a process: a consumer that follows an empty topic, a producer, an admin. Prints the CPU time
 * it took as JSON after `seconds`. Usage: node idleClients.ts <brokers> <topic> <seconds>
 */
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { watch } from './watcher.ts';

const [brokers = '', topic = '', seconds = ''] = process.argv.slice(2);
const broker = createKafkajsBroker({ brokers: brokers.split(',') });
const producer = broker.createProducer({ clientId: 'idle' });
await producer.start();
await producer.send(topic, 0, [{ key: null, value: Buffer.from('one') }]);
const admin = broker.createAdmin({ clientId: 'idle' });
await admin.logBounds(topic);
const watcher = watch(broker, topic, { group: topic, maxWaitMs: 500, sessionTimeoutMs: 30_000 });
await watcher.consumer.start();

await new Promise((resolve) => { setTimeout(resolve, 1000); });
const before = process.cpuUsage();
await new Promise((resolve) => { setTimeout(resolve, Number(seconds) * 1000); });
const { user, system } = process.cpuUsage(before);
await watcher.consumer.close();
await producer.close();
await admin.close();
console.log(JSON.stringify({ cpuMs: (user + system) / 1000, records: watcher.records.length }));
