import type { Load } from '../jobs/load.ts';
import { rawKafkajs } from '../systems/rawKafkajs.ts';
import type { Place } from '../systems/system.ts';

const WARM_MS = 5000;
const AT_ONCE = 64;
const load: Load = { jobs: 0, keys: 1000, skew: 'even', workMs: 0 };

/** A broker that has just started interprets its code, and whoever were measured first would pay for that: it serves small requests for some seconds before anybody is. */
export async function warmKafka(place: Place): Promise<void> {
  const settings = { concurrency: 1, order: 'strict' } as const;
  await rawKafkajs.prepare(place, load, settings);
  const client = await rawKafkajs.client(place, load, settings);
  const endMs = performance.now() + WARM_MS;
  let sent = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < endMs) await client.enqueue(sent++);
  }));
  await client.close();
  let read = 0;
  const all = Promise.withResolvers<void>();
  const worker = await rawKafkajs.worker(place, load, settings, {
    run() {
      read += 1;
      if (read === sent) all.resolve();
      return Promise.resolve();
    },
  });
  await all.promise;
  await worker.stop();
  await rawKafkajs.remove(place);
}
