import { createCodec } from '../avro/codec.ts';
import type { Registry } from '../avro/registry.ts';
import { createClaimWriter } from '../claims/claimWriter.ts';
import { compileLargePayloads, type LargePayloadOptions } from '../claims/largePayloads.ts';
import { buildRecord, type BuildTools, type BuiltRecord, type ClientCodec, type PreparedKind } from '../client/buildRecord.ts';
import { checkOptions, type EnqueueOptions } from '../client/enqueueOptions.ts';
import { createUuidV7 } from '../client/uuidV7.ts';
import { sqlStateOf } from '../database/databaseError.ts';
import { quoteIdentifier } from '../database/port.ts';
import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from '../jobs/duration.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { rowOf } from './outboxRow.ts';

/**
 * Whatever runs a statement within the caller's transaction: a client of `pg`, a transaction of millrace's database port; of other libraries through a line of
 * code. Each statement names its parameters once, in order (`$1`, `$2`, …), so that placeholders of another style can be put in their place.
 * What it resolves with does not matter.
 */
export interface OutboxTransaction {
  query(text: string, params: (string | Buffer | null)[]): Promise<unknown>;
}

export interface OutboxOptions {
  /** Where schemas are registered; or a codec that knows. */
  readonly registry?: Registry;
  readonly codec?: ClientCodec;
  /** Who enqueues: a URI reference; travels as `ce_source`. @default "/millrace/outbox" */
  readonly source?: string;
  /** The database schema of the outbox's tables. Default: where the connection's `search_path` finds them. */
  readonly schema?: string;
  /**
   * A relay that died between Kafka's ack and its note of it leaves a row that is relayed once more, under the same id: that double is dropped by the worker
   * if it comes within this time after the first one was settled. Longer than all relays may be down. @default "1h"
   */
  readonly unique?: Duration;
  /** A larger job is refused. @default 1,000,000 */
  readonly maxRecordBytes?: number;
  /** Where payloads go that are too large for a record; workers must be told the same. Default: nowhere, and such a job is refused. */
  readonly largePayloads?: LargePayloadOptions;
  readonly clock?: Clock;
}

/** A job of a mixed {@link Outbox.enqueueMany}. */
export type OutboxEntry<P = unknown> = readonly [job: JobDefinition<string, P>, payload: P, options?: EnqueueOptions];

/**
 * Enqueues jobs inside the caller's own Postgres transaction: they go to Kafka if, and only if, it commits. A relay (`millrace-outbox-relay`) carries them
 * there, for each entity in the order of the commits. Needs no Kafka, and the schema registry for {@link prepare} only.
 *
 * An enqueue holds a lock on the job's entity until the transaction is over: other transactions that enqueue for the same entity wait for it. So
 * enqueue late in a transaction; and one that enqueues for several entities does so in one `enqueueMany`, which takes the locks in the order of queue and key
 * (as bytes), or itself in that order: else two of them may deadlock, as with any rows that are locked in different orders. Jobs without an
 * entity take no lock.
 */
export interface Outbox {
  /**
   * Registers the schemas of these jobs; to be awaited before their first enqueue, usually at start. What was prepared is remembered.
   * @throws MillraceError REGISTRY_UNAVAILABLE, SCHEMA_INCOMPATIBLE, SCHEMA_INVALID
   */
  prepare(jobs: readonly JobDefinition[]): Promise<void>;
  /**
   * Checks and encodes the payload, puts a large one into its store, and writes the job within `tx`. Calls that are not awaited may be overtaken by later ones
   * while a large payload is put; what is rolled back leaves its object, until that expires. @returns the job's id, the same whichever relay sends it and how often
   * @throws MillraceError BAD_PAYLOAD, BAD_ENQUEUE_OPTION, BROKER_RECORD_TOO_LARGE, UNKNOWN_KIND (not prepared), CLAIM_STORE_UNAVAILABLE, CLAIM_STORE_REFUSED, before anything was written;
   *   OUTBOX_NO_TABLES; and whatever `tx` throws, also for a deadlock (SQLSTATE 40P01)
   */
  enqueue<P>(tx: OutboxTransaction, job: JobDefinition<string, P>, payload: NoInfer<P>, options?: EnqueueOptions): Promise<string>;
  /** All are checked before the first is written, in one statement. Each entity among them takes a lock of the server's lock table: some thousands at once at most. */
  enqueueMany<P>(tx: OutboxTransaction, job: JobDefinition<string, P>, payloads: readonly NoInfer<P>[]): Promise<string[]>;
  enqueueMany<const Ps extends readonly unknown[]>(tx: OutboxTransaction, entries: readonly [...{ readonly [I in keyof Ps]: OutboxEntry<Ps[I]> }]): Promise<string[]>;
  enqueueMany(tx: OutboxTransaction, entries: readonly OutboxEntry[]): Promise<string[]>;
}

/** Bytes of one statement of {@link Outbox.enqueueMany}, before base64: Postgres takes 1 GB, but nobody wants that. */
const MAX_STATEMENT_BYTES = 16 * 1024 * 1024;

/** SQLSTATEs of what is not there: a function, a table, a schema. */
const TABLES_MISSING: ReadonlySet<string> = new Set(['42883', '42P01', '3F000']);

/** Does no I/O yet. @throws MillraceError BAD_CONFIG, BAD_DURATION */
export function createOutbox(options: OutboxOptions): Outbox {
  const { registry, clock = systemClock, source = '/millrace/outbox', maxRecordBytes = 1_000_000 } = options;
  const codec = options.codec ?? (registry === undefined ? null : createCodec({ registry, clock }));
  if (codec === null) throw new MillraceError('BAD_CONFIG', { at: 'createOutbox: registry', expected: 'a schema registry, or a codec', got: registry });
  const uniqueForMs = Math.ceil(parseDuration(options.unique ?? '1h', 'createOutbox: unique'));
  const prefix = options.schema === undefined ? '' : `${quoteIdentifier(options.schema)}.`;
  const kinds = new Map<JobDefinition, PreparedKind>();
  const claims = options.largePayloads === undefined ? null : createClaimWriter({ payloads: compileLargePayloads(options.largePayloads, clock), codec, clock });
  const tools: BuildTools = {
    codec, claims,
    maxRecordBytes,
    createId: createUuidV7(() => clock.now()),
    time: () => Buffer.from(new Date(clock.now()).toISOString()),
    // Relays choose the partition.
    nextPartition: () => 0,
  };

  const build = (job: JobDefinition, payload: unknown, given: EnqueueOptions | undefined): BuiltRecord => {
    const kind = kinds.get(job);
    if (kind === undefined) {
      const at = typeof job === 'object' && job !== null ? job.kind : undefined;
      throw new MillraceError('UNKNOWN_KIND', { ...(at === undefined ? {} : { at }), expected: 'a job that this outbox was prepared for', fix: 'Call await outbox.prepare([job]) before, outside of transactions' });
    }
    const checked = checkOptions(given, clock.now());
    return buildRecord(kind, payload, { ...checked, uniqueForMs: Math.max(uniqueForMs, checked.uniqueForMs ?? 0) }, tools);
  };

  /** Before anything is written: no lock is held meanwhile that was not held before. */
  const putAside = async (queue: string, built: BuiltRecord): Promise<BuiltRecord> => {
    const { value } = built.record;
    return claims === null || value === null || !built.large ? built : { ...built, record: { ...built.record, value: await claims.put(queue, value) } };
  };

  const put = async (tx: OutboxTransaction, text: string, params: (string | Buffer | null)[]): Promise<void> => {
    try {
      await tx.query(text, params);
    } catch (cause) {
      if (!TABLES_MISSING.has(sqlStateOf(cause) ?? '')) throw cause;
      throw new MillraceError('OUTBOX_NO_TABLES', {
        at: options.schema === undefined ? 'the connection\'s search_path' : `schema ${options.schema}`, got: cause, cause,
        fix: 'Start a relay there once (npx millrace-outbox-relay), or run outboxMigrations with your own migrations: see docs/outbox.md',
      });
    }
  };

  function enqueueMany(tx: OutboxTransaction, first: JobDefinition | readonly OutboxEntry[], payloads: readonly unknown[] = []): Promise<string[]> {
    if (!Array.isArray(payloads)) return Promise.reject(new MillraceError('BAD_ENQUEUE_OPTION', { at: 'payloads', expected: 'a list of payloads', got: payloads, fix: 'For one job there is enqueue(tx, job, payload)' }));
    return writeMany(tx, isEntries(first) ? first : payloads.map((payload): OutboxEntry => [first, payload]));
  }

  const writeMany = async (tx: OutboxTransaction, entries: readonly OutboxEntry[]): Promise<string[]> => {
    checkTransaction(tx);
    let bytes = 0;
    const ids: string[] = [];
    const checked = entries.map(([job, payload, given], index) => {
      try {
        return { job, built: build(job, payload, given) };
      } catch (error) {
        throw nameEntry(error, index);
      }
    });
    const stored = checked.some(({ built }) => built.large) ? await Promise.all(checked.map(async ({ job, built }) => ({ job, built: await putAside(job.queue, built) }))) : checked;
    const rows = stored.map(({ job, built }, index) => {
      try {
        const { queue, id, key, value, headers } = rowOf(job.queue, built);
        bytes += value.length;
        ids.push(id);
        if (bytes > MAX_STATEMENT_BYTES) throw new MillraceError('BROKER_RECORD_TOO_LARGE', { at: job.kind, expected: `at most ${MAX_STATEMENT_BYTES} bytes in one call`, fix: 'Give the list in slices' });
        return `{"queue":${JSON.stringify(queue)},"id":${JSON.stringify(id)},"key":${key === null ? 'null' : `"${key.toString('base64')}"`},"value":"${value.toString('base64')}","headers":${headers}}`;
      } catch (error) {
        throw nameEntry(error, index);
      }
    });
    if (rows.length > 0) await put(tx, `select ${prefix}millrace_outbox_put_many($1::json)`, [`[${rows.join(',')}]`]);
    return ids;
  };

  return {
    async prepare(jobs) {
      await Promise.all([claims?.prepare(), ...jobs.map(async (job) => {
        if (kinds.has(job)) return;
        const writer = await codec.register(job.schema);
        kinds.set(job, { job, writer, partitions: 1, kindBytes: Buffer.from(job.kind), sourceBytes: Buffer.from(source) });
      })]);
    },
    async enqueue(tx, job, payload, given) {
      checkTransaction(tx);
      const built = build(job, payload, given);
      const { queue, id, key, value, headers } = rowOf(job.queue, built.large ? await putAside(job.queue, built) : built);
      await put(tx, `select ${prefix}millrace_outbox_put($1::text, $2::text, $3::bytea, $4::bytea, $5::json)`, [queue, id, key, value, headers]);
      return id;
    },
    enqueueMany,
  };
}

function isEntries(first: JobDefinition | readonly OutboxEntry[]): first is readonly OutboxEntry[] {
  return Array.isArray(first);
}

/** A pool runs each statement on whichever connection is free: outside of the caller's transaction. */
function checkTransaction(tx: OutboxTransaction): void {
  const given = tx as Partial<OutboxTransaction & { totalCount: unknown; connect: unknown }> | null;
  if (typeof given === 'object' && typeof given?.query === 'function' && !(typeof given.totalCount === 'number' && typeof given.connect === 'function')) return;
  throw new MillraceError('BAD_ENQUEUE_OPTION', { at: 'tx', expected: 'what runs statements in your transaction, with query(text, params)', got: tx, fix: 'Of a pool, take a client: pool.connect()' });
}

function nameEntry(error: unknown, index: number): unknown {
  if (!isMillraceError(error)) return error;
  return new MillraceError(error.code, { ...error.detail, at: `[${index}] ${error.detail.at ?? ''}`.trim(), cause: error });
}
