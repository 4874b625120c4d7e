import { createInterface } from 'node:readline';
import { jobV1 } from '../../../../schemas/bench.Job/payload.generated.ts';
import { createRegistry } from '../../../../shared/avro/registry.ts';
import { defineJob } from '../../../../shared/jobs/defineJob.ts';
import { createKafkajsBroker } from '../../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { createLogObserver } from '../../../../shared/worker/logObserver.ts';
import { createWorker } from '../../../../shared/worker/worker.ts';
import { sinkV1 } from '../sink.ts';

/** A worker in a process of its own, whose memory can be asked for: `measure` on standard input is answered with a line of JSON. */
const { brokers, registryUrl, queue } = JSON.parse(process.argv[2] ?? '{}') as { brokers: string[]; registryUrl: string; queue: string };
const key = (): string => 'unused';
const logger = createLogger({ level: 'silent', service: 'child', clock: systemClock });
const worker = createWorker({
  broker: createKafkajsBroker({ brokers }), registry: createRegistry({ url: registryUrl }), logger, topics: false, observe: (name) => createLogObserver(logger, name),
  jobs: [
    defineJob({ kind: 'work.do', queue, schema: jobV1, key, handle: () => undefined }),
    defineJob({ kind: 'bench.Job', queue, schema: jobV1, key, handle: () => undefined }),
    defineJob({ kind: 'fails', queue, schema: jobV1, key, retry: { attempts: 1 }, handle: () => { throw new Error('long '.repeat(1_000_000)); } }),
    defineJob({ kind: 'answers', queue, schema: jobV1, key, retry: { attempts: 1 }, handle: () => 'x'.repeat(20_000_000) as never }),
    defineJob({ kind: 'exits', queue, schema: jobV1, key, retry: { attempts: 1 }, isolated: { handler: new URL('../../../unit/isolation/handlers/unruly.ts', import.meta.url) } }),
    defineJob({ kind: 'sink.do', queue, schema: sinkV1, key, handle: () => undefined }),
  ],
});
await worker.start();

for await (const line of createInterface(process.stdin)) {
  if (line === 'stop') break;
  // Twice, for what finalizers let go; with turns in between, for what the first one freed outside the heap.
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.();
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ rss, heapUsed, external })}\n`);
}
await worker.stop();
// The last thing that keeps the process: it must end by itself.
process.stdin.destroy();
