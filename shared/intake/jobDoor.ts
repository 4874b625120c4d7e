import { checkOptions, type EnqueueOptions } from '../client/enqueueOptions.ts';
import type { Client } from '../client/client.ts';
import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import type { Backlog } from './backlog.ts';
import { digestOf } from './digestOf.ts';
import { jobIdOfKey } from './jobIdOfKey.ts';
import type { KeyBook, KeyName } from './keyBook.ts';
import { createOutageGuard, type OutageGuard } from './outageGuard.ts';
import { createPayloadForm, type PayloadForm } from './payloadForm.ts';
import { toEnqueueOptions, type Submission } from './submission.ts';

/** The job is accepted. */
export interface Accepted {
  readonly id: string;
  readonly kind: string;
  readonly queue: string;
  /** Where its main record stands: `queue/partition/offset`. */
  readonly at: string;
}

export interface Caller {
  readonly tenant: string;
  /** Null: none was given, and each request is a new job. */
  readonly idempotencyKey: string | null;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Where the submission's fields are, for the paths in errors. */
  readonly at: string;
  /** Bytes of the request, for the bound on what is under way. */
  readonly bytes: number;
}

export interface JobDoorOptions {
  readonly client: Pick<Client, 'enqueue'>;
  readonly jobs: readonly JobDefinition[];
  readonly keyBook: KeyBook;
  readonly backlog: Pick<Backlog, 'mustHaveRoom' | 'accepted'>;
  readonly clock: Clock;
  /** How long Kafka's ack is awaited. */
  readonly patienceMs: number;
  readonly maxPendingJobs: number;
  readonly maxPendingBytes: number;
  /** Keys are kept so long after their job may first run. */
  readonly keepKeysMs: number;
  /** Whether ids that callers choose must begin with their tenant's name: where several share the door. */
  readonly idsOfTenants: boolean;
  /** Something failed behind an answer that stands. */
  readonly trouble?: (error: unknown) => void;
}

/** Takes jobs in, whatever protocol they come by. */
export interface JobDoor {
  /**
   * Resolves once Kafka has the job on all in-sync replicas. With an idempotency key, the same request gets the same answer, and its job is one.
   * @throws MillraceError UNKNOWN_KIND, BAD_PAYLOAD, BAD_ENQUEUE_OPTION, BROKER_RECORD_TOO_LARGE, IDEMPOTENCY_KEY_REUSED: nothing was enqueued.
   *   QUEUE_FULL, OVERLOADED, SHUTDOWN, IDEMPOTENCY_KEY_IN_FLIGHT, DATABASE_UNAVAILABLE: try again. BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE: try again, it may be enqueued
   */
  accept(submission: Submission, caller: Caller): Promise<Accepted>;
  /** Refuses what comes from now on, and waits for what is under way. */
  close(): Promise<void>;
  /** It takes nothing any more. */
  readonly closing: boolean;
  readonly pendingJobs: number;
  /** Queues that Kafka takes nothing for now, since when, monotonic ms. */
  outages(): ReadonlyMap<string, number>;
}

const PROBE_EVERY_MS = 500;
/** A kept answer's engine-side window: the engine takes at most 366 days. */
const MAX_UNIQUE_MS = 366 * 86_400_000;
const LOOK_AGAIN_MS = 100;

interface Kind {
  readonly job: JobDefinition;
  readonly form: PayloadForm;
}

/** Compiles the kinds' forms; does no I/O. @throws MillraceError SCHEMA_INVALID */
export function createJobDoor(options: JobDoorOptions): JobDoor {
  const { client, keyBook, backlog, clock, patienceMs, trouble } = options;
  const kinds = new Map(options.jobs.map((job): [string, Kind] => [job.kind, { job, form: createPayloadForm(job.schema) }]));
  const guards = new Map<string, OutageGuard>(options.jobs.map(({ queue }) => [queue, createOutageGuard({ clock, patienceMs, probeEveryMs: PROBE_EVERY_MS })]));
  const keysUnderWay = new Map<string, { readonly digest: string; readonly answer: Promise<Accepted> }>();
  let pendingJobs = 0;
  let pendingBytes = 0;
  let closing = false;
  let idle = (): void => undefined;

  /** @throws MillraceError SHUTDOWN, OVERLOADED: there is no room */
  const hold = (bytes: number): void => {
    if (closing) throw new MillraceError('SHUTDOWN', { at: 'intake', retryAfterMs: 1000 });
    if (pendingJobs >= options.maxPendingJobs || (pendingJobs > 0 && pendingBytes + bytes > options.maxPendingBytes)) throw new MillraceError('OVERLOADED', { retryAfterMs: 1000 });
    pendingJobs += 1;
    pendingBytes += bytes;
  };
  const release = (bytes: number): void => {
    pendingJobs -= 1;
    pendingBytes -= bytes;
    if (pendingJobs === 0) idle();
  };

  const findKind = (name: string, at: string): Kind => {
    const kind = kinds.get(name);
    if (kind !== undefined) return kind;
    const meant = didYouMean(name, kinds.keys());
    const fix = meant === null ? undefined : `Did you mean ${meant}?`;
    throw new MillraceError('UNKNOWN_KIND', { at: name, fields: [{ field: `${at}.kind`, message: `is not known here${meant === null ? '' : `; did you mean ${meant}?`}` }], ...(fix === undefined ? {} : { fix }) });
  };

  const enqueue = (job: JobDefinition, payload: unknown, given: EnqueueOptions): Promise<Accepted> => {
    const { queue, kind } = job;
    backlog.mustHaveRoom(queue);
    return (guards.get(queue) as OutageGuard).run(queue, () => client.enqueue(job, payload, given)).then(({ id, topic, partition, offset }) => {
      backlog.accepted(queue);
      return { id, kind, queue, at: `${topic}/${partition}/${offset}` };
    });
  };

  /** Ours is the key: what was found out about the job is written down. */
  const enqueueOwned = async (name: KeyName, isNew: boolean, run: () => Promise<Accepted>): Promise<Accepted> => {
    let accepted: Accepted;
    try {
      accepted = await run();
    } catch (error) {
      // Where it is not known whether Kafka has the job, whoever asks next enqueues it again, and the engine drops the second.
      const uncertain = isMillraceError(error) && error.retriable && error.code !== 'QUEUE_FULL';
      // So it is where an earlier try of the key may have come through, whatever is known of this one.
      await keyBook.giveUp(name, isNew && !uncertain).catch((lost: unknown) => { trouble?.(lost); });
      throw error;
    }
    // The answer is true whether or not it can be written down; if not, the next to ask enqueues again, and gets the same id.
    await keyBook.finish(name, JSON.stringify(accepted)).catch((error: unknown) => { trouble?.(error); });
    return accepted;
  };

  const claimAndEnqueue = async (name: KeyName, digest: string, jobId: string, keepMs: number, run: (id: string) => Promise<Accepted>): Promise<Accepted> => {
    const giveUpMs = clock.monotonic() + patienceMs;
    for (;;) {
      const claimed = await keyBook.claim({ ...name, digest, jobId, keepMs });
      switch (claimed.type) {
        case 'ours': return enqueueOwned(name, claimed.isNew, () => run(claimed.jobId));
        case 'done': return JSON.parse(claimed.answer) as Accepted;
        case 'other-request': throw reused(name);
        case 'in-flight':
          if (clock.monotonic() >= giveUpMs) throw new MillraceError('IDEMPOTENCY_KEY_IN_FLIGHT', { at: name.key, retryAfterMs: Math.max(1000, claimed.leftMs) });
          await sleep(clock, LOOK_AGAIN_MS);
      }
    }
  };

  const take = (submission: Submission, caller: Caller): Promise<Accepted> => {
    const { job, form } = findKind(submission.kind, caller.at);
    const payload = form(submission.payload, `${caller.at}.payload`);
    const { traceparent, tracestate } = caller;
    const given: EnqueueOptions = { ...toEnqueueOptions(submission, caller.at), ...(traceparent === undefined ? {} : { traceparent, ...(tracestate === undefined ? {} : { tracestate }) }) };
    const notBeforeMs = checkFields(given, clock.now(), caller.at);
    if (given.id !== undefined && options.idsOfTenants) refuseForeignId(given.id, caller);
    if (caller.idempotencyKey === null) return enqueue(job, payload, given);

    const name: KeyName = { tenant: caller.tenant, key: caller.idempotencyKey };
    const digest = digestOf(submission);
    const place = `${name.tenant}\0${name.key}`;
    const same = keysUnderWay.get(place);
    if (same !== undefined) {
      if (same.digest !== digest) throw reused(name);
      return same.answer;
    }
    // The row outlives what the engine remembers of the id, so that a key that is used anew is never taken for a double.
    const uniqueMs = Math.min(options.keepKeysMs, MAX_UNIQUE_MS);
    const keepMs = options.keepKeysMs + uniqueMs + Math.max(0, notBeforeMs - clock.now());
    const answer = claimAndEnqueue(name, digest, given.id ?? jobIdOfKey(name.tenant, name.key), Math.ceil(keepMs), (id) => (
      enqueue(job, payload, { ...given, id, unique: `${Math.ceil(uniqueMs)}ms` })
    )).finally(() => { keysUnderWay.delete(place); });
    keysUnderWay.set(place, { digest, answer });
    return answer;
  };

  return {
    get closing() { return closing; },
    get pendingJobs() { return pendingJobs; },
    outages: () => new Map([...guards].flatMap(([queue, { failingSinceMs }]) => (failingSinceMs === null ? [] : [[queue, failingSinceMs] as const]))),
    async accept(submission, caller) {
      hold(caller.bytes);
      try {
        return await take(submission, caller);
      } finally {
        release(caller.bytes);
      }
    },
    async close() {
      closing = true;
      if (pendingJobs > 0) await new Promise<void>((resolve) => { idle = resolve; });
    },
  };
}

function reused({ key }: KeyName): MillraceError {
  return new MillraceError('IDEMPOTENCY_KEY_REUSED', { at: key, expected: 'the same request as before', fix: 'Give each job a key of its own' });
}

/** Checks before anything is claimed, and names the field as the caller knows it. @returns epoch ms before which it does not run; 0: at once */
function checkFields(given: EnqueueOptions, nowMs: number, at: string): number {
  try {
    return checkOptions(given, nowMs).notBeforeMs ?? 0;
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    const field = `${at}.${error.detail.at ?? 'options'}`;
    throw new MillraceError('BAD_ENQUEUE_OPTION', { ...error.detail, at: field, fields: [{ field, message: `expected ${error.detail.expected ?? 'another value'}` }], cause: error });
  }
}

/** Ids are the whole cluster's: nobody shall take, or guess at, another's. */
function refuseForeignId(id: string, { tenant, at }: Caller): void {
  if (id.startsWith(`${tenant}:`)) return;
  const expected = `an id that begins with "${tenant}:"`;
  throw new MillraceError('BAD_ENQUEUE_OPTION', { at: `${at}.id`, expected, got: id, fields: [{ field: `${at}.id`, message: `expected ${expected}` }] });
}
