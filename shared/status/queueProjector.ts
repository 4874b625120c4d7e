import { isMillraceError } from '../errors/MillraceError.ts';
import type { Broker, Consumer, FetchedBatch, PartitionGrant } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';
import { createSleeps, retryPauseMs } from '../runtime/sleeps.ts';
import type { Database } from '../database/port.ts';
import type { Chunk } from './applyChunks.ts';
import { applySurely, type Skipped } from './applySurely.ts';
import { readPositions } from './positions.ts';
import { streams, type FactReader, type Stream } from './readFacts.ts';

export interface ProjectorObserver {
  /** A transaction was committed. */
  applied(queue: string, counts: { readonly facts: number; readonly rows: number; readonly ignored: number; readonly tookMs: number }): void;
  /** Something failed that is tried again by itself. */
  trouble(queue: string, error: unknown): void;
  /** The database refuses what stands in a record: it is left out. */
  skipped?(queue: string, record: Skipped): void;
}

export interface QueueProjectorOptions {
  readonly queue: string;
  readonly broker: Broker;
  readonly database: Database;
  readonly reader: FactReader;
  readonly clock: Clock;
  readonly observer: ProjectorObserver;
  /** Instances of one group share the partitions. Default `millrace.status`; the queue's name is added. */
  readonly group?: string;
  readonly clientId?: string;
  readonly sessionTimeoutMs?: number;
  /** Waits so long for more before it writes. Default 20. */
  readonly lingerMs?: number;
}

/** Reads one queue's topics into the tables, for the partitions that this instance owns. */
export interface QueueProjector {
  readonly queue: string;
  /** @throws MillraceError TOPIC_MISSING, TOPIC_DRIFT, BROKER_UNAVAILABLE */
  start(): Promise<void>;
  /** Finishes the transaction under way. Idempotent. */
  stop(): Promise<void>;
  /** For health: monotonic ms since when a write fails; null: all is well. */
  readonly failingSinceMs: number | null;
  /** Transactions so far. */
  readonly written: number;
  readonly partitions: ReadonlySet<number>;
}

/** Fetching pauses at so much in memory. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
const MAX_PENDING_RECORDS = 20_000;
/** Records in one transaction; a batch is never split. Records of events hold many each, but few come in one batch. */
const TRANSACTION_RECORDS = 4000;
const TRANSACTION_BYTES = 4 * 1024 * 1024;
/** The registry is asked so long for a payload's schema; then jobs are shown without payload rather than late. */
const PAYLOAD_SCHEMA_TRIES = 3;

interface Cursor {
  /** The position that the next batch continues; -1: the database has none. */
  tail: number;
  /** Where to fetch next. */
  nextOffset: number;
  fetching: boolean;
  /** When it began to read after events had expired unread, epoch ms; 0: none had. */
  readonly eventsSinceMs: number;
}

/** A batch, and the position that it continues: told when it was fetched, so that what came before another took over can do no harm after. */
interface Pending {
  readonly chunk: Chunk;
  readonly bytes: number;
  readonly cursor: Cursor;
}

export function createQueueProjector(options: QueueProjectorOptions): QueueProjector {
  const { queue, broker, database, reader, clock, observer, group = 'millrace.status', lingerMs = 20 } = options;
  const names = queueTopicNames(queue);
  const streamOf = new Map<string, Stream>(streams.map((stream) => [names[stream], stream]));
  const owned = new Map<number, Map<Stream, Cursor>>();
  let pending: Pending[] = [];
  let pendingBytes = 0;
  let pendingRecords = 0;
  let full = false;
  let stopping = false;
  let failures = 0;
  let failingSinceMs: number | null = null;
  let written = 0;
  let loop: Promise<void> = Promise.resolve();
  let wake = Promise.withResolvers<void>();
  const sleeps = createSleeps(clock);
  const failed = (error: unknown): Promise<void> => {
    observer.trouble(queue, error);
    failingSinceMs ??= clock.monotonic();
    return sleeps.sleep(retryPauseMs(++failures));
  };
  const worked = (): void => {
    failures = 0;
    failingSinceMs = null;
  };

  const consumer: Consumer = broker.createConsumer(
    {
      group: `${group}.${queue}`, topics: streams.map((stream) => names[stream]), sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000, revokeTimeoutMs: 5000,
      maxBytesPerPartition: 1024 * 1024, maxWaitMs: 200, clientId: options.clientId ?? 'millrace-status',
    },
    {
      assigned(grants) {
        for (const grant of grants) owned.set(grant.partition, new Map());
        void open(grants.map(({ partition }) => partition), grants);
      },
      revoked(partitions) {
        forget(partitions);
        return Promise.resolve();
      },
      lost: forget,
      fetched(batch) {
        const stream = streamOf.get(batch.topic);
        const cursor = stream === undefined ? undefined : owned.get(batch.partition)?.get(stream);
        if (cursor?.fetching !== true) return;
        const { partition, records, nextOffset } = batch;
        const bytes = bytesOf(batch);
        pending.push({ chunk: { stream: stream as Stream, partition, after: cursor.tail, nextOffset, records, eventsSinceMs: cursor.eventsSinceMs }, bytes, cursor });
        cursor.tail = nextOffset;
        cursor.nextOffset = nextOffset;
        pendingRecords += records.length;
        pendingBytes += bytes;
        if (pendingBytes > MAX_PENDING_BYTES || pendingRecords > MAX_PENDING_RECORDS) holdBack();
        wake.resolve();
      },
      trouble: (error) => { observer.trouble(queue, error); },
    },
  );

  /** Reads where the database stands, and fetches from there; tries until it can. */
  async function open(partitions: readonly number[], grants: readonly PartitionGrant[] = []): Promise<void> {
    for (;;) {
      const cursors = partitions.map((partition) => [partition, owned.get(partition)] as const);
      try {
        const positions = await readPositions(database, queue, partitions);
        worked();
        for (const [partition, mine] of cursors) {
          // It may have gone, or gone and come again, meanwhile.
          if (mine === undefined || owned.get(partition) !== mine || stopping) continue;
          const positionOf = (stream: Stream): number => positions.find((one) => one.partition === partition && one.stream === stream)?.nextOffset ?? -1;
          const log = grants.find((grant) => grant.partition === partition)?.log;
          const eventsSinceMs = (log?.[names.events]?.startOffset ?? 0) > Math.max(0, positionOf('events')) ? clock.now() : 0;
          for (const stream of streams) {
            const position = positionOf(stream);
            mine.set(stream, { tail: position, nextOffset: position < 0 ? log?.[names[stream]]?.startOffset ?? 0 : position, fetching: false, eventsSinceMs });
          }
          if (!full) resume(partition, mine);
        }
        return;
      } catch (error) {
        if (stopping) return;
        await failed(error);
      }
    }
  }

  function resume(partition: number, cursors: ReadonlyMap<Stream, Cursor>): void {
    for (const [stream, cursor] of cursors) {
      if (cursor.fetching) continue;
      cursor.fetching = true;
      consumer.resume(names[stream], partition, cursor.nextOffset);
    }
  }

  function holdBack(): void {
    if (full) return;
    full = true;
    for (const [partition, cursors] of owned) for (const [stream, cursor] of cursors) {
      cursor.fetching = false;
      consumer.pause(names[stream], partition);
    }
  }

  function forget(partitions: readonly number[]): void {
    for (const partition of partitions) owned.delete(partition);
    drop(new Set(partitions));
  }

  function drop(partitions: ReadonlySet<number>): void {
    pending = pending.filter(({ chunk }) => !partitions.has(chunk.partition));
    measure();
  }

  function measure(): void {
    pendingRecords = pending.reduce((sum, { chunk }) => sum + chunk.records.length, 0);
    pendingBytes = pending.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Begins anew at what the database says. */
  async function reopen(partitions: readonly number[]): Promise<void> {
    const mine = partitions.filter((partition) => owned.has(partition));
    for (const partition of mine) {
      for (const stream of owned.get(partition)?.keys() ?? []) consumer.pause(names[stream], partition);
      owned.set(partition, new Map());
    }
    drop(new Set(partitions));
    if (mine.length > 0) await open(mine);
  }

  function takePending(): Pending[] {
    let count = 0;
    for (let records = 0, bytes = 0; count < pending.length && records < TRANSACTION_RECORDS && bytes < TRANSACTION_BYTES; count++) {
      const one = pending[count] as Pending;
      records += one.chunk.records.length;
      bytes += one.bytes;
    }
    const taken = pending.splice(0, count);
    measure();
    return taken;
  }

  async function write(taken: readonly Pending[]): Promise<void> {
    await loadSchemas(taken);
    // What went to somebody else meanwhile is theirs to write.
    const chunks = taken.filter(({ chunk, cursor }) => owned.get(chunk.partition)?.get(chunk.stream) === cursor).map(({ chunk }) => chunk);
    if (chunks.length === 0) return;
    const partitions = [...new Set(chunks.map(({ partition }) => partition))];
    const startMs = clock.monotonic();
    try {
      const result = await applySurely(database, queue, chunks, reader, (record) => { observer.skipped?.(queue, record); });
      if (result.type === 'stale') return await reopen(partitions);
      written++;
      worked();
      observer.applied(queue, { facts: result.facts, rows: result.rows, ignored: result.ignored, tookMs: clock.monotonic() - startMs });
    } catch (error) {
      // Whether it was committed, the positions know.
      await failed(error);
      if (!stopping) await reopen(partitions);
    }
  }

  async function loadSchemas(taken: readonly Pending[]): Promise<void> {
    for (const { chunk: { stream, records } } of taken) {
      for (let tries = 1; !stopping; tries++) {
        const missing = [...reader.missingSchemas(stream, records)];
        if (missing.length === 0) break;
        try {
          await Promise.all(missing.map((id) => reader.load(stream, id)));
        } catch (error) {
          if (!isMillraceError(error, 'REGISTRY_UNAVAILABLE')) throw error;
          // Without the schema of events nothing can be told; a payload is only shown.
          if (stream === 'main' && tries >= PAYLOAD_SCHEMA_TRIES) break;
          await failed(error);
        }
      }
    }
  }

  async function run(): Promise<void> {
    while (!stopping) {
      if (pending.length === 0) {
        wake = Promise.withResolvers();
        await wake.promise;
        if (lingerMs > 0) await sleeps.sleep(lingerMs);
        continue;
      }
      await write(takePending());
      if (full && pendingBytes < MAX_PENDING_BYTES / 2 && pendingRecords < MAX_PENDING_RECORDS / 2) {
        full = false;
        for (const [partition, cursors] of owned) resume(partition, cursors);
      }
    }
  }

  return {
    queue,
    get failingSinceMs() { return failingSinceMs; },
    get written() { return written; },
    get partitions() { return new Set(owned.keys()); },
    async start() {
      await consumer.start();
      loop = run();
    },
    async stop() {
      stopping = true;
      wake.resolve();
      sleeps.end();
      await loop;
      await consumer.close();
    },
  };
}

function bytesOf({ records }: FetchedBatch): number {
  return records.reduce((sum, { value }) => sum + (value?.length ?? 0) + 100, 0);
}
