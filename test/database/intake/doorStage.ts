import type { FastifyInstance } from 'fastify';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createIntakeApi, type IntakeApiOptions } from '../../../services/intake/api/createIntakeApi.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import { createClient } from '../../../shared/client/client.ts';
import { migrate } from '../../../shared/database/migrate.ts';
import { openPglite } from '../../../shared/database/pglite/openPglite.ts';
import type { Database } from '../../../shared/database/port.ts';
import { createBacklog, type BacklogLimits } from '../../../shared/intake/backlog.ts';
import { createJobDoor, type JobDoor, type JobDoorOptions } from '../../../shared/intake/jobDoor.ts';
import { createKeyBook } from '../../../shared/intake/keyBook.ts';
import { INTAKE, intakeMigrations } from '../../../shared/intake/keyMigrations.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createMemoryCluster, type MemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import type { Broker } from '../../../shared/kafka/port.ts';
import { prepareTopics } from '../../../shared/kafka/prepareTopics.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';

export const chargeOrder = defineJob({ kind: 'order.charge', queue: 'orders', schema: jobV1, key: ({ customer }) => customer, handle: () => undefined });
export const shipOrder = defineJob({ kind: 'order.ship', queue: 'shipping', schema: jobV1, key: null, order: 'none', handle: () => undefined });

export const order = (sequence = 1, changes: Partial<JobV1> = {}): JobV1 => ({
  orderId: `o${sequence}`, customer: `c${sequence % 7}`, email: 'c@example.org', city: 'Oslo', createdAt: 0, sequence, amount: 1.5, currency: 'EUR', priority: 1, express: false,
  note: null, lines: [], tags: [], ...changes,
});

/** The intake as it is, over a Kafka in memory and an embedded database. */
export interface DoorStage {
  readonly app: FastifyInstance;
  readonly door: JobDoor;
  readonly cluster: MemoryCluster;
  readonly broker: Broker;
  readonly database: Database;
  /** "METHOD path" of each route, as the router has them. */
  readonly routes: readonly string[];
  /** Base of the listening API. */
  readonly url: string;
  /** Ids and payload sizes of all records of a queue, in no order. */
  records(queue: string): { readonly id: string; readonly value: Buffer }[];
  close(): Promise<void>;
}

export interface StageOptions {
  readonly api?: Partial<IntakeApiOptions>;
  readonly door?: Partial<JobDoorOptions>;
  readonly limits?: BacklogLimits;
  readonly database?: Database;
  /** Another door to the same Kafka. */
  readonly cluster?: MemoryCluster;
  readonly leaseMs?: number;
  readonly owner?: string;
}

export async function openDoor(options: StageOptions = {}): Promise<DoorStage> {
  const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });
  const cluster = options.cluster ?? createMemoryCluster({ clock: systemClock, random: Math.random });
  const broker = cluster.broker();
  const admin = broker.createAdmin({ clientId: 'test' });
  const database = options.database ?? await openPglite({ folder: null, host: process });
  await migrate(database, INTAKE, intakeMigrations);
  const jobs = [chargeOrder, shipOrder];
  const client = createClient({
    broker, codec: createCodec({ registry: createMemoryRegistry(), clock: systemClock }), source: '/test', jobs, deliveryTimeout: `${Math.ceil((options.door?.patienceMs ?? 20_000) * 0.75)}ms`,
    prepareQueue: (queue) => prepareTopics(admin, [queue], { partitions: 2, replicationFactor: 1 }, logger),
  });
  await client.start();
  const backlog = createBacklog({ admin, queues: ['orders', 'shipping'], clock: systemClock, limits: options.limits ?? { maxJobs: 1e9, maxDrainMs: 1e12 }, pollMs: 50 });
  backlog.start();
  const door = createJobDoor({
    client, jobs, keyBook: createKeyBook({ database, owner: options.owner ?? 'one', leaseMs: options.leaseMs ?? 1500 }), backlog, clock: systemClock, patienceMs: 20_000, maxPendingJobs: 2000,
    maxPendingBytes: 16 * 1024 * 1024, keepKeysMs: 3_600_000, idsOfTenants: false, ...options.door,
  });
  const app = await createIntakeApi({
    door, clock: systemClock, logger, tenantHeader: null, maxBodyBytes: 64 * 1024, maxDepth: 16, maxBatchLines: 200_000, idleMs: 400, bodyTimeoutMs: 400, batchTimeoutMs: 60_000,
    maxConnections: 500, answered: () => undefined, timeoutCheckMs: 100, ...options.api,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    app, door, cluster, broker, database, url,
    routes: readRoutes(app),
    records: (queue) => [0, 1].flatMap((partition) => cluster.inspect.records(queue, partition).map(({ headers, value }) => ({ id: String(headers?.['ce_id']), value: value as Buffer }))),
    async close() {
      backlog.stop();
      await Promise.all([door.close(), app.close()]);
      await client.close();
      await admin.close();
      if (options.database === undefined) await database.close();
    },
  };
}

/** From the router's own tree: `└── /batch (POST)`, four columns a level. */
function readRoutes(app: FastifyInstance): string[] {
  const above: string[] = [];
  return app.printRoutes({ commonPrefix: false }).split('\n').flatMap((line) => {
    const found = /^(.*)── (\S+)(?: \((.+)\))?$/.exec(line);
    if (found === null) return [];
    const [, indent = '', part = '', methods] = found;
    const depth = Math.floor(indent.length / 4);
    above[depth] = part;
    const path = above.slice(0, depth + 1).join('');
    return methods === undefined ? [] : methods.split(', ').map((method) => `${method} ${path}`);
  });
}
