import type { Load } from '../jobs/load.ts';
import { rawKafkajs } from '../systems/rawKafkajs.ts';
import type { Place } from '../systems/system.ts';

const WARM_MS = 5000;
const READ_WITHIN_MS = 30_000;
const AT_ONCE = 64;
const load: Load = { jobs: 0, keys: 1000, skew: 'even', workMs: 0 };
const settings = { concurrency: 1, order: 'strict' } as const;

/** A broker that has just started interprets its code, and whoever were measured first would pay for that: it serves small requests for some seconds before anybody is. */
export async function warmKafka(place: Place): Promise<void> {
  await rawKafkajs.prepare(place, load, settings);
  try {
    await read(place, await write(place));
  } finally {
    await rawKafkajs.remove(place);
  }
}

async function write(place: Place): Promise<number> {
  const client = await rawKafkajs.client(place, load, settings);
  const endMs = performance.now() + WARM_MS;
  let sent = 0;
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (performance.now() < endMs) await client.enqueue(sent++);
    }));
  } finally {
    await client.close();
  }
  return sent;
}

/** Until all is read; not to read it is no reason to measure nothing. */
async function read(place: Place, count: number): Promise<void> {
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, READ_WITHIN_MS);
  let left = count;
  const worker = await rawKafkajs.worker(place, load, settings, {
    run() {
      left -= 1;
      if (left === 0) resolve();
    },
  });
  await all;
  clearTimeout(timer);
  await worker.stop();
}
