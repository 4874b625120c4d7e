import { setImmediate as nextTurn } from 'node:timers/promises';
import { compileLargePayloads, type LargePayloadOptions } from '../claims/largePayloads.ts';
import { createClaimWriter, type ClaimWriter } from '../claims/claimWriter.ts';
import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from '../jobs/duration.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Broker } from '../kafka/port.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import { buildRecord, CLAIM_AT_MOST, type BuildTools, type BuiltRecord, type ClientCodec, type PreparedKind } from './buildRecord.ts';
import { checkOptions, noOptions, type EnqueueOptions } from './enqueueOptions.ts';
import { createKeyGates } from './keyGates.ts';
import { createPendingBudget } from './pendingBudget.ts';
import { createPreparedKinds } from './prepareKinds.ts';
import { asError, createReceiptBook, type Receipt, type ReceiptBook } from './receipts.ts';
import { createOrderedSender, type PendingRecord } from './sendInOrder.ts';
import { createUuidV7 } from './uuidV7.ts';

export interface ClientOptions {
  readonly broker: Broker;
  readonly codec: ClientCodec;
  /** Who enqueues: a URI reference such as `/checkout`; travels as `ce_source`. */
  readonly source: string;
  /** Kinds to prepare in `start`, so that the first enqueue finds them ready and a wrong schema shows early. */
  readonly jobs?: readonly JobDefinition[];
  /** Called once before a queue's first job: makes its topics, where that is wanted. */
  readonly prepareQueue?: (queue: string) => Promise<unknown>;
  readonly clock?: Clock;
  /** In [0, 1); spreads the waits between tries. */
  readonly random?: () => number;
  /** @default "millrace-client" */
  readonly clientId?: string;
  /** How long a job is tried to be handed to Kafka. @default "2m" */
  readonly deliveryTimeout?: Duration;
  /** Jobs accepted by the client and not yet acked; further ones wait. @default 50,000 */
  readonly maxPendingJobs?: number;
  /** The same in bytes. @default 64 MB */
  readonly maxPendingBytes?: number;
  /** A larger job is refused. The default leaves room below Kafka's 1 MB for what a retry adds. @default 1,000,000 */
  readonly maxRecordBytes?: number;
  /** Where payloads go that are too large for a record; workers must be told the same. Default: nowhere, and such a job is refused. */
  readonly largePayloads?: LargePayloadOptions | undefined;
}

/** A job of a mixed {@link Client.enqueueMany}. */
export type EnqueueEntry<P = unknown> = readonly [job: JobDefinition<string, P>, payload: P, options?: EnqueueOptions];

/**
 * Enqueues jobs. Connects at the first need. All methods may be called concurrently; calls made close together share requests.
 *
 * An enqueue resolves when Kafka has the job on all in-sync replicas. While Kafka does not answer, it is tried again until the delivery timeout;
 * then, and when a try's answer is lost, the job **may be enqueued twice, under the same id**: handlers see the same `ctx.id`. Jobs of one kind
 * given to `enqueue` one after the other, awaited or not, reach their entity in that order, and so do the jobs of one list. An `enqueueMany` that is
 * not awaited may be overtaken by later calls.
 */
export interface Client {
  /** Connects and prepares {@link ClientOptions.jobs}. Not needed, but tells early what is wrong. */
  start(): Promise<void>;
  /**
   * @throws MillraceError BAD_PAYLOAD (naming the field, also one that the schema does not have), BAD_ENQUEUE_OPTION, BROKER_RECORD_TOO_LARGE, TOPIC_MISSING, SCHEMA_INCOMPATIBLE,
   *   SCHEMA_INVALID, UNKNOWN_KIND, CLAIM_STORE_REFUSED: nothing was enqueued. BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE, CLAIM_STORE_UNAVAILABLE: try again later. NOT_RUNNING: it is closed.
   */
  enqueue<P>(this: void, job: JobDefinition<string, P>, payload: NoInfer<P>, options?: EnqueueOptions): Promise<Receipt>;
  /**
   * All payloads are checked before the first is sent: one bad payload, nothing enqueued (its place is named). The encoded jobs are held in
   * memory meanwhile, so give very long lists in slices. Rejects like {@link enqueue}, or with PARTLY_ENQUEUED, which tells the accepted ones.
   */
  enqueueMany<P>(this: void, job: JobDefinition<string, P>, payloads: readonly NoInfer<P>[]): Promise<Receipt[]>;
  /** The same for jobs of different kinds and with options. */
  enqueueMany<const Ps extends readonly unknown[]>(this: void, entries: readonly [...{ readonly [I in keyof Ps]: EnqueueEntry<Ps[I]> }]): Promise<Receipt[]>;
  enqueueMany(this: void, entries: readonly EnqueueEntry[]): Promise<Receipt[]>;
  /** Refuses further jobs, waits for those that are pending (at most the delivery timeout), disconnects. Idempotent. */
  close(): Promise<void>;
}

type Answers = Pick<ReceiptBook, 'accept' | 'refuse'>;

const MAX_BATCH_RECORDS = 5000;
/** Below Kafka's 1 MB, so that a batch is one record batch and its offsets are consecutive. */
const MAX_BATCH_BYTES = 512 * 1024;
/** A long list is built in steps of so many, so that the event loop turns in between. */
const BUILD_STEP = 1000;

/** Creates a client; does no I/O yet. @throws MillraceError BAD_DURATION, BAD_CONFIG */
export function createClient(options: ClientOptions): Client {
  const { broker, codec, source, jobs = [], clock = systemClock, random = Math.random, maxRecordBytes = 1_000_000 } = options;
  const deliveryTimeoutMs = parseDuration(options.deliveryTimeout ?? '2m', 'deliveryTimeout');
  const producer = broker.createProducer({ clientId: options.clientId ?? 'millrace-client' });
  const budget = createPendingBudget({ maxJobs: options.maxPendingJobs ?? 50_000, maxBytes: options.maxPendingBytes ?? 64 * 1024 * 1024 });
  const senders = new Map<string, ((pending: PendingRecord) => void)[]>();
  const underWay = new Set<Promise<unknown>>();
  let starting: Promise<void> | null = null;
  let closing: Promise<void> | null = null;
  let nextPartition = 0;
  const claims = options.largePayloads === undefined ? null : createClaimWriter({ payloads: compileLargePayloads(options.largePayloads, clock), codec, clock });
  const gates = createKeyGates();
  const tools: BuildTools = {
    codec, claims,
    maxRecordBytes,
    createId: createUuidV7(() => clock.now()),
    time: createTimeText(clock),
    nextPartition: (count) => nextPartition++ % count,
  };

  const connect = (): Promise<void> => {
    starting ??= producer.start().catch((error: unknown) => {
      starting = null;
      throw error;
    });
    return starting;
  };

  const kinds = createPreparedKinds({ codec, producer, source, prepareQueue: options.prepareQueue ?? (() => Promise.resolve()), persist: (work) => persist(() => connect().then(work)) });

  /** Tries again what failed for now, until the delivery timeout. */
  const persist = async <T>(work: () => Promise<T>, deadlineMs = clock.monotonic() + deliveryTimeoutMs): Promise<T> => {
    for (let failures = 0; ; failures += 1) {
      try {
        return await work();
      } catch (error) {
        const waitMs = Math.min(2000, 100 * 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * random());
        if (!isMillraceError(error) || !error.retriable || clock.monotonic() + waitMs > deadlineMs) throw error;
        await sleep(clock, waitMs);
      }
    }
  };

  const senderFor = (topic: string, partition: number): ((pending: PendingRecord) => void) => {
    let ofTopic = senders.get(topic);
    if (ofTopic === undefined) senders.set(topic, (ofTopic = []));
    return (ofTopic[partition] ??= createOrderedSender({
      producer, topic, partition, clock, random, maxBatchRecords: MAX_BATCH_RECORDS, maxBatchBytes: MAX_BATCH_BYTES,
    }));
  };

  /** Once its value is in the store, the record is a small one. */
  const putAside = async (queue: string, { record, bytes }: BuiltRecord, deadlineMs: number): Promise<Pick<PendingRecord, 'record' | 'bytes'>> => {
    const value = record.value as Buffer;
    const claim = await persist(() => (claims as ClaimWriter).put(queue, value), deadlineMs);
    return { record: { ...record, value: claim }, bytes: bytes - value.length + CLAIM_AT_MOST };
  };

  const dispatch = (topic: string, built: BuiltRecord, deadlineMs: number, book: Answers, index: number): void => {
    const { id, partition, record, bytes, large } = built;
    const answer: Pick<PendingRecord, 'deadlineMs' | 'acked' | 'failed'> = {
      deadlineMs,
      acked(offset) {
        budget.release(bytes);
        book.accept(index, { id, topic, partition, offset });
      },
      failed(error) {
        budget.release(bytes);
        book.refuse(index, error);
      },
    };
    const send = senderFor(topic, partition);
    // Without a key there is no order to keep.
    const gate = claims === null || record.key === null ? null : `${topic}/${record.key.toString('latin1')}`;
    budget.reserve(bytes, () => {
      if (large) {
        const putThenSend = (): Promise<void> => putAside(topic, built, deadlineMs).then((claim) => { send({ ...claim, ...answer }); }, answer.failed);
        if (gate === null) void putThenSend();
        else gates.hold(gate, putThenSend);
      } else if (gate === null) send({ record, bytes, ...answer });
      else gates.pass(gate, () => { send({ record, bytes, ...answer }); });
    });
  };

  const enqueueOne = (job: JobDefinition, payload: unknown, given: EnqueueOptions | undefined): Promise<Receipt> => new Promise((resolve, reject) => {
    const deadlineMs = clock.monotonic() + deliveryTimeoutMs;
    const checked = checkOptions(given, clock.now());
    const refuse = (error: unknown): void => { reject(asError(error)); };
    const answer: Answers = { accept(_index, receipt) { resolve(receipt); }, refuse(_index, error) { refuse(error); } };
    kinds.use(job, (kind) => {
      let built: BuiltRecord;
      try {
        built = buildRecord(kind, payload, checked, tools);
      } catch (error) {
        refuse(error);
        return;
      }
      dispatch(job.queue, built, deadlineMs, answer, 0);
    }, refuse);
  });

  const enqueueEntries = async (count: number, entryAt: (index: number) => EnqueueEntry): Promise<Receipt[]> => {
    const deadlineMs = clock.monotonic() + deliveryTimeoutMs;
    const built: BuiltRecord[] = [];
    const queues: string[] = [];
    let kind: PreparedKind | null = null;
    for (let i = 0; i < count; i += 1) {
      const [job, payload, given] = entryAt(i);
      if (kind?.job !== job) kind = await kinds.get(job);
      try {
        built.push(buildRecord(kind, payload, given === undefined ? noOptions : checkOptions(given, clock.now()), tools));
      } catch (error) {
        throw nameEntry(error, i);
      }
      queues.push(job.queue);
      if (i % BUILD_STEP === BUILD_STEP - 1) await nextTurn();
    }
    const book = createReceiptBook(count);
    built.forEach((record, i) => { dispatch(queues[i] ?? '', record, deadlineMs, book, i); });
    return book.complete;
  };

  const track = <T>(work: () => Promise<T>): Promise<T> => {
    if (closing !== null) {
      return Promise.reject(new MillraceError('NOT_RUNNING', { at: 'client', expected: 'an open client', got: 'closed', fix: 'Enqueue before close()' }));
    }
    const result = work();
    underWay.add(result);
    const forget = (): void => { underWay.delete(result); };
    result.then(forget, forget);
    return result;
  };

  function enqueueMany(first: JobDefinition | readonly EnqueueEntry[], payloads: readonly unknown[] = []): Promise<Receipt[]> {
    if (isEntries(first)) return track(() => enqueueEntries(first.length, (i) => first[i] as EnqueueEntry));
    if (!Array.isArray(payloads)) return Promise.reject(new MillraceError('BAD_ENQUEUE_OPTION', { at: 'payloads', expected: 'a list of payloads', got: payloads, fix: 'For one job there is enqueue(job, payload)' }));
    return track(() => enqueueEntries(payloads.length, (i) => [first, payloads[i]]));
  }

  return {
    start: () => track(async () => {
      await persist(connect);
      await Promise.all(jobs.map((job) => kinds.get(job)));
    }),
    enqueue: (job, payload, given) => track(() => enqueueOne(job, payload, given)),
    enqueueMany,
    close() {
      closing ??= Promise.allSettled(underWay).then(() => producer.close());
      return closing;
    },
  };
}

function isEntries(first: JobDefinition | readonly EnqueueEntry[]): first is readonly EnqueueEntry[] {
  return Array.isArray(first);
}

/** Says which of the jobs it was. */
function nameEntry(error: unknown, index: number): unknown {
  if (!isMillraceError(error)) return error;
  return new MillraceError(error.code, { ...error.detail, at: `[${index}] ${error.detail.at ?? ''}`.trim(), cause: error });
}

/** The time as bytes, made once a millisecond. */
function createTimeText(clock: Clock): () => Buffer {
  let madeAt = NaN;
  let text: Buffer = Buffer.alloc(0);
  return () => {
    const now = clock.now();
    if (now !== madeAt) {
      madeAt = now;
      text = Buffer.from(new Date(now).toISOString());
    }
    return text;
  };
}
