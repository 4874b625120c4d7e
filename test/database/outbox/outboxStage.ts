import { randomUUID } from 'node:crypto';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import { migrate } from '../../../shared/database/migrate.ts';
import type { Database } from '../../../shared/database/port.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createMemoryCluster, type MemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import type { Producer } from '../../../shared/kafka/port.ts';
import { prepareTopics } from '../../../shared/kafka/prepareTopics.ts';
import { createOutbox, type Outbox } from '../../../shared/outbox/outbox.ts';
import { OUTBOX, outboxMigrations } from '../../../shared/outbox/outboxTables.ts';
import { createOutboxRelay, type OutboxRelay, type OutboxRelayOptions } from '../../../shared/outbox/relay.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';

const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });

/** By customer, in order. */
export const chargeOrder = defineJob({ kind: 'order.charge', queue: 'orders', schema: jobV1, key: ({ customer }) => customer, handle: () => undefined });
/** Without an entity. */
export const shipOrder = defineJob({ kind: 'order.ship', queue: 'shipping', schema: jobV1, key: null, order: 'none', handle: () => undefined });

export const order = (customer: string, sequence: number, changes: Partial<JobV1> = {}): JobV1 => ({
  orderId: `${customer}-${sequence}`, customer, email: '', city: '', createdAt: 0, sequence, amount: 1.5, currency: 'EUR', priority: 1, express: false, note: null, lines: [], tags: [], ...changes,
});

/** A record as the queue has it. */
export interface Landed {
  readonly id: string;
  readonly key: string | null;
  readonly partition: number;
  readonly payload: JobV1;
  readonly headers: Readonly<Record<string, string>>;
}

export interface OutboxStage {
  readonly database: Database;
  readonly cluster: MemoryCluster;
  readonly outbox: Outbox;
  /** Makes and starts a relay on these, or others. */
  startRelay(options?: RelayWishes): Promise<OutboxRelay>;
  /** All records of a queue, partition by partition; doubles too. */
  landed(queue?: string): Landed[];
  /** In turn, the ids of each key as a worker would run them: of each id the first. */
  lanes(queue?: string): Map<string, string[]>;
  /** Rows that are not relayed. */
  rowsLeft(): Promise<number>;
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

export interface RelayWishes extends Partial<OutboxRelayOptions> {
  /** Of its producer. */
  readonly clientId?: string;
  /** Its owner sees to its end, or to none. */
  readonly abandoned?: boolean;
  readonly wrapProducer?: (producer: Producer) => Pick<Producer, 'send' | 'partitionCount'>;
}

export async function openOutbox(database: Database): Promise<OutboxStage> {
  await migrate(database, OUTBOX, outboxMigrations);
  const cluster = createMemoryCluster({ clock: systemClock, random: Math.random });
  const codec = createCodec({ registry: createMemoryRegistry(), clock: systemClock });
  const outbox = createOutbox({ codec });
  await outbox.prepare([chargeOrder, shipOrder]);
  const writer = await codec.register(jobV1);
  const relays: OutboxRelay[] = [];
  const producers: Producer[] = [];

  const landed = (queue = 'orders'): Landed[] => recordsOf(cluster, queue).map(({ partition, key, value, headers }) => {
    const texts = Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]));
    return { id: texts['ce_id'] ?? '', key: key?.toString() ?? null, partition, payload: codec.decode<JobV1>(value, { subject: writer.subject, type: writer.type }), headers: texts };
  });
  return {
    database, cluster, outbox, landed,
    async startRelay({ wrapProducer, clientId = 'relay', abandoned = false, ...options } = {}) {
      const broker = cluster.broker();
      const admin = broker.createAdmin({ clientId: 'relay' });
      const producer = broker.createProducer({ clientId });
      await producer.start();
      producers.push(producer);
      const relay = createOutboxRelay({
        database, producer: wrapProducer === undefined ? producer : wrapProducer(producer), relayId: randomUUID(), clock: systemClock, random: Math.random,
        prepareQueue: (queue) => prepareTopics(admin, [queue], { partitions: 3, replicationFactor: 1 }, logger),
        observer: { relayed: () => undefined, refused: () => undefined, trouble: () => undefined },
        firstRetryMs: 50, patienceMs: 200, ...options,
      });
      if (!abandoned) relays.push(relay);
      await relay.start();
      return relay;
    },
    lanes(queue) {
      const seen = new Set<string>();
      const lanes = new Map<string, string[]>();
      for (const { id, key } of landed(queue)) {
        if (seen.has(id)) continue;
        seen.add(id);
        lanes.set(key ?? '', [...lanes.get(key ?? '') ?? [], id]);
      }
      return lanes;
    },
    async rowsLeft() {
      return (await database.query<{ n: number }>('select count(*) as n from millrace_outbox')).rows[0]?.n ?? -1;
    },
    async until(what, condition) {
      const endMs = Date.now() + 45_000;
      while (!await condition()) {
        if (Date.now() > endMs) throw new Error(`waited in vain for ${what}`);
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
    },
    async close() {
      await Promise.all(relays.map((relay) => relay.stop()));
      await Promise.all(producers.map((producer) => producer.close()));
    },
  };
}

function recordsOf({ inspect }: MemoryCluster, queue: string): ReturnType<MemoryCluster['inspect']['allRecords']> {
  try {
    return inspect.allRecords(queue);
  } catch {
    return []; // nobody has made the topic yet
  }
}
