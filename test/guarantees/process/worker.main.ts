import { existsSync, openSync, writeSync } from 'node:fs';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { queueTopicNames } from '../../../shared/kafka/topics.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { countProduces } from './countProduces.ts';
import { createSayingObserver } from './sayingObserver.ts';
import { defineStep } from './stepJob.ts';
import type { Said, WorkerParameters } from './workerParameters.ts';

/** One worker as a process of its own, so that it can be killed, frozen and stopped. */
const parameters = JSON.parse(process.argv[2] ?? '{}') as WorkerParameters;
const { brokers, registryUrl, workerId, workload } = parameters;

// Synchronous writes to one appending descriptor: a line that was written is with the kernel, whatever becomes of this process.
const witness = openSync(parameters.witnessFile, 'a');
const say = (said: Said): void => { process.stdout.write(`${JSON.stringify(said)}\n`); };

const job = defineStep(workload, {
  worker: workerId,
  write: (line) => { writeSync(witness, `${JSON.stringify(line)}\n`); },
  isMended: () => existsSync(parameters.mendedFile),
  nowMs: () => performance.timeOrigin + performance.now(),
});

const { main, ...others } = queueTopicNames(workload.queue);
const produced = new Map<string, number>();
const broker = createKafkajsBroker({
  brokers: brokers.split(','),
  socketFactory: countProduces([main, ...Object.values(others)], (topic) => { produced.set(topic, (produced.get(topic) ?? 0) + 1); }),
});
let second = Math.floor(Date.now() / 1000);
setInterval(() => {
  for (const [topic, requests] of produced) say({ type: 'produced', second, topic, requests });
  produced.clear();
  second = Math.floor(Date.now() / 1000);
}, 1000).unref();

const millrace = createMillrace({ brokers, broker, registryUrl, topics: false, logger: createLogger({ level: 'silent', service: 'guarantees', clock: systemClock }) });

let stopping = false;
const stop = async (): Promise<void> => {
  if (stopping) return;
  stopping = true;
  await millrace.close();
  say({ type: 'stopped' });
  process.exit(0);
};
process.on('SIGTERM', () => { void stop(); });
// The parent is gone: nobody looks any more.
process.stdin.on('end', () => { process.exit(1); }).resume();

await millrace.work([job], {
  workerId,
  concurrency: parameters.concurrency,
  sessionTimeoutMs: parameters.sessionTimeoutMs,
  drainTimeoutMs: parameters.drainTimeoutMs,
  observe: () => createSayingObserver(say),
  ...(parameters.frontierPatienceMs === null ? {} : { limits: { frontierPatienceMs: parameters.frontierPatienceMs } }),
});
say({ type: 'ready' });
