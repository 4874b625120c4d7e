import { createRegistry } from '../../shared/avro/registry.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createStatusProjection } from '../../shared/status/statusProjection.ts';
import { hearPlan } from '../process/inChild.ts';
import { machineMs } from '../process/machineClock.ts';
import type { StatusPlan, StatusTold } from './statusPlan.ts';

/** Keeps the status tables of one queue, and notes when each job is first shown as done, looking every so often as somebody who waits for it would. */
const LOOK_EVERY_MS = 10;
const SHOWN_WITHIN_MS = 30_000;
const { plan: { place, databaseUrl, jobs }, ...parent } = await hearPlan<StatusPlan>();
const tell = (told: StatusTold): void => { parent.tell(told); };
const database = openPostgres({ url: databaseUrl });
const broker = createKafkajsBroker({ brokers: place.brokers.split(',') });
const admin = broker.createAdmin({ clientId: 'bench-status' });
const projection = createStatusProjection({
  broker, admin, registry: createRegistry({ url: place.registryUrl }), database, clock: systemClock, queues: [place.queue], discoverEveryMs: 60_000, retentionMs: 86_400_000, maxPayloadBytes: 65_536,
  observer: { applied: () => { changed = true; }, trouble: (_, error) => { process.stderr.write(`${String(error)}\n`); } },
});
/** By partition: below which offset all were seen, and which above it were. */
const seen = new Map<number, { below: number; above: Set<number> }>();
const rows: number[] = [];
let changed = false;

async function look(): Promise<void> {
  const partitions = [...seen].map(([partition, { below }]) => ({ partition, below }));
  const { rows: done } = await database.query<{ partition: number; place: number }>(
    `select partition, place from status_jobs join unnest($2::integer[], $3::bigint[]) as mine (number, below) on partition = number and place >= below
     where queue = $1 and state = 'done'`,
    [place.queue, partitions.map(({ partition }) => partition), partitions.map(({ below }) => below)],
  );
  const nowMs = machineMs();
  for (const { partition, place: offset } of done) {
    const known = seen.get(partition);
    if (known === undefined || known.above.has(offset)) continue;
    known.above.add(offset);
    rows.push(partition, offset, nowMs);
    for (; known.above.delete(known.below); known.below++);
  }
}

await projection.start();
for (const { partition } of await admin.logBounds(place.queue)) seen.set(partition, { below: 0, above: new Set() });
let watching = true;
const watched = (async () => {
  while (watching) {
    if (changed) {
      changed = false;
      await look();
    }
    await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY_MS); });
  }
})();
tell({ type: 'ready' });
await parent.hear('report');
// What has ended is shown within a flush and a transaction; what is not shown by then never will be.
for (const endMs = machineMs() + SHOWN_WITHIN_MS; rows.length < jobs * 3 && machineMs() < endMs;) await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY_MS); });
watching = false;
await watched;
tell({ type: 'seen', rows: Float64Array.from(rows) });
await parent.hear('stop');
await projection.stop();
await admin.close();
await database.close();
process.exit(0);
