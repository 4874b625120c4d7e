import { createCodec } from '../../shared/avro/codec.ts';
import { createRegistry } from '../../shared/avro/registry.ts';
import { createClient } from '../../shared/client/client.ts';
import type { Broker } from '../../shared/kafka/port.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { benchJob, benchPayload } from './benchJob.ts';

/** Enqueues the jobs through the client, as a user would; returns the seconds it took. */
export async function preload(broker: Broker, registryUrl: string, queue: string, jobs: number): Promise<number> {
  const client = createClient({ broker, codec: createCodec({ registry: createRegistry({ url: registryUrl }), clock: systemClock }), source: '/bench' });
  const job = benchJob(queue, 0, () => undefined);
  const started = performance.now();
  const SLICE = 10_000;
  let pending: Promise<unknown> = Promise.resolve();
  for (let at = 0; at < jobs; at += SLICE) {
    const payloads = Array.from({ length: Math.min(SLICE, jobs - at) }, (_, index) => benchPayload(at + index));
    await pending;
    pending = client.enqueueMany(job, payloads);
  }
  await pending;
  await client.close();
  return (performance.now() - started) / 1000;
}
