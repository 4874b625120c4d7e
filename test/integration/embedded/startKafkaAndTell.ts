import { startKafka } from '../../../shared/embedded/kafka.ts';

/** A parent to be killed: starts a Kafka (argv: cache folder, data folder), prints its pid, and stays. */
const [, , cacheDir = '', dataDir = ''] = process.argv;
const kafka = await startKafka({ host: process, cacheDir, dataDir, port: 0 });
process.stdout.write(`${kafka.pid}\n`);
