import { randomUUID } from 'node:crypto';
import { catalogue, type ErrorCode } from '../errors/catalogue.ts';
import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from '../jobs/duration.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import type { Accepted } from './jobDoor.ts';

export interface HttpClientOptions {
  /** Base of the intake: `http://127.0.0.1:9410`. */
  readonly url: string;
  /** Sent with each request, for instance the tenant's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long a job is tried in all. @default "2m" */
  readonly deliveryTimeout?: Duration;
  /** How long one request may take. @default "10s" */
  readonly requestTimeout?: Duration;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** In [0, 1); spreads the waits. */
  readonly random?: () => number;
}

export interface HttpEnqueueOptions {
  /** One is made when left out: however often the job is sent meanwhile, it is one job. */
  readonly idempotencyKey?: string;
  readonly key?: string;
  readonly runAt?: Date;
  readonly delay?: Duration;
  readonly id?: string;
}

/** A job of {@link HttpClient.enqueueMany}. */
export interface HttpJob extends HttpEnqueueOptions {
  readonly kind: string;
  readonly payload: unknown;
}

/**
 * Enqueues jobs through an intake service. Each job has an idempotency key, so that one whose answer was lost is sent again without harm. What
 * the intake cannot take now (503, 409, no answer) is sent again, not before the time that it named, and with waits that chance spreads.
 */
export interface HttpClient {
  /**
   * Payloads are JSON as `payloadForm.ts` says; Buffers become base64, bigints text, Dates RFC 3339.
   * @throws MillraceError with the code that the intake told, such as BAD_PAYLOAD or QUEUE_FULL; INTAKE_REFUSED for others;
   *   INTAKE_UNAVAILABLE: it did not answer until the delivery timeout, and the job may be enqueued
   */
  enqueue(this: void, kind: string, payload: unknown, options?: HttpEnqueueOptions): Promise<Accepted>;
  /** The same for many, in requests of up to 1,000 lines. What became of each, in their order: accepted, or why not. */
  enqueueMany(this: void, jobs: readonly HttpJob[]): Promise<(Accepted | MillraceError)[]>;
}

interface ProblemBody {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

interface ResultLine {
  readonly line: number;
  readonly status: number;
  readonly job?: Accepted;
  readonly problem?: ProblemBody;
  readonly retryAfter?: number;
}

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 10_000;
const SLICE = 1000;

/** Creates a client; sends nothing yet. @throws MillraceError BAD_DURATION */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { fetch: send = fetch, clock = systemClock, random = Math.random } = options;
  const deliveryMs = parseDuration(options.deliveryTimeout ?? '2m', 'deliveryTimeout');
  const requestMs = parseDuration(options.requestTimeout ?? '10s', 'requestTimeout');
  const base = options.url.replace(/\/+$/, '');

  const post = async (path: string, type: string, body: string, headers: Readonly<Record<string, string>>): Promise<{ readonly status: number; readonly text: string; readonly retryAfterMs: number | null }> => {
    try {
      const response = await send(`${base}${path}`, { method: 'POST', headers: { ...options.headers, ...headers, 'content-type': type }, body, signal: AbortSignal.timeout(requestMs) });
      return { status: response.status, text: await response.text(), retryAfterMs: readRetryAfterMs(response.headers.get('retry-after'), clock.now()) };
    } catch (cause) {
      throw new MillraceError('INTAKE_UNAVAILABLE', { at: base, got: cause, cause });
    }
  };

  /** Waits before try number `failures` + 1; rejects with `error` where there is no time for it. */
  const pause = async (error: MillraceError, failures: number, deadlineMs: number): Promise<void> => {
    const named = error.detail.retryAfterMs ?? 0;
    const waitMs = named + random() * Math.max(Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10)), named / 4);
    if (clock.monotonic() + waitMs > deadlineMs) throw error;
    await sleep(clock, waitMs);
  };

  return {
    async enqueue(kind, payload, given = {}) {
      const deadlineMs = clock.monotonic() + deliveryMs;
      const { idempotencyKey = randomUUID(), ...rest } = given;
      const body = write({ kind, payload, ...rest });
      for (let failures = 0; ; failures += 1) {
        try {
          const { status, text, retryAfterMs } = await post('/v1/jobs', 'application/json', body, { 'idempotency-key': idempotencyKey });
          if (status === 202) return JSON.parse(text) as Accepted;
          throw toError(status, readProblem(text), retryAfterMs);
        } catch (error) {
          if (!isMillraceError(error) || !error.retriable) throw error;
          await pause(error, failures, deadlineMs);
        }
      }
    },
    async enqueueMany(jobs) {
      const deadlineMs = clock.monotonic() + deliveryMs;
      const results: (Accepted | MillraceError)[] = [];
      const lines = jobs.map(({ idempotencyKey = randomUUID(), ...job }) => write({ ...job, idempotencyKey }));
      let open = lines.map((_, index) => index);
      for (let failures = 0; open.length > 0;) {
        const slice = open.slice(0, SLICE);
        const lost = new MillraceError('INTAKE_UNAVAILABLE', { at: base, got: 'no answer to this line' });
        for (const index of slice) results[index] = lost;
        let trouble: MillraceError | null = null;
        try {
          const { status, text, retryAfterMs } = await post('/v1/jobs/batch', 'application/x-ndjson', `${slice.map((index) => lines[index]).join('\n')}\n`, {});
          if (status !== 200) throw toError(status, readProblem(text), retryAfterMs);
          for (const line of text.split('\n')) {
            const result = readResult(line);
            const index = slice[(result?.line ?? 0) - 1];
            if (result === null || index === undefined) continue;
            results[index] = result.job ?? toError(result.status, result.problem ?? {}, result.retryAfter === undefined ? null : result.retryAfter * 1000);
          }
        } catch (error) {
          if (!isMillraceError(error)) throw error;
          for (const index of slice) if (results[index] === lost) results[index] = error;
        }
        const again = slice.filter((index) => {
          const result = results[index];
          if (!(result instanceof MillraceError) || !result.retriable) return false;
          if ((result.detail.retryAfterMs ?? 0) >= (trouble?.detail.retryAfterMs ?? 0)) trouble = result;
          return true;
        });
        open = [...again, ...open.slice(slice.length)];
        if (trouble === null) {
          failures = 0;
          continue;
        }
        try {
          await pause(trouble, failures, deadlineMs);
        } catch {
          // No time is left: each says for itself why it is not in.
          for (const index of open) results[index] ??= trouble;
          break;
        }
        failures += 1;
      }
      return results;
    },
  };
}

function write(value: unknown): string {
  return JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, plain: unknown) {
    const own = this[name];
    if (own instanceof Uint8Array) return Buffer.from(own).toString('base64');
    return typeof plain === 'bigint' ? String(plain) : plain;
  });
}

function toError(status: number, { code, detail, errors }: ProblemBody, retryAfterMs: number | null): MillraceError {
  const again = status === 408 || status === 409 || status === 429 || status >= 500;
  const known = code !== undefined && Object.hasOwn(catalogue, code) && catalogue[code as ErrorCode].retriable === again ? (code as ErrorCode) : null;
  return new MillraceError(known ?? (again ? 'INTAKE_UNAVAILABLE' : 'INTAKE_REFUSED'), {
    at: `HTTP ${status}`, got: detail ?? code ?? 'no reason', ...(errors === undefined ? {} : { fields: errors }), ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

/** Seconds, or an HTTP date; null where there is neither. */
function readRetryAfterMs(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

function readProblem(text: string): ProblemBody {
  return (parse(text) ?? {});
}

function readResult(line: string): ResultLine | null {
  return parse(line) as ResultLine | null;
}

/** Null for what is no JSON object: a proxy may have answered, or the answer was cut short. */
function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
