import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from '../jobs/duration.ts';
import { MAX_DELAY_MS, MAX_ID_BYTES, isJobId, isTraceparent } from '../kafka/envelope.ts';

/** What may be said of one job when it is enqueued. */
export interface EnqueueOptions {
  /** The job's id, for instance derived from what caused it; a UUIDv7 when left out. At most 300 bytes, no control characters. */
  readonly id?: string;
  /**
   * Beside `id`: of the jobs of this id and key, only the first runs; those that come while it lives, or within this time after it was settled, are
   * dropped (event `duplicate`). At most 366 days. Not beyond what a queue remembers: see `EngineLimits.rememberedIds`.
   */
  readonly unique?: Duration;
  /** Not earlier than then; at most 366 days ahead. Not together with `delay`. */
  readonly runAt?: Date;
  /** Not earlier than after this time. */
  readonly delay?: Duration;
  /** The entity, instead of what the definition's `key` makes of the payload. */
  readonly key?: string;
  /** W3C trace context of what causes the job. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** {@link EnqueueOptions}, checked. */
export interface CheckedOptions {
  readonly id: string | null;
  readonly key: string | null;
  readonly notBeforeMs: number | undefined;
  readonly uniqueForMs: number | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export const noOptions: CheckedOptions = { id: null, key: null, notBeforeMs: undefined, uniqueForMs: undefined, traceparent: undefined, tracestate: undefined };

const names = ['id', 'unique', 'runAt', 'delay', 'key', 'traceparent', 'tracestate'] as const satisfies (keyof EnqueueOptions)[];

/** @throws MillraceError BAD_ENQUEUE_OPTION, BAD_DURATION; `now` is epoch ms */
export function checkOptions(options: EnqueueOptions | undefined, now: number): CheckedOptions {
  if (options === undefined) return noOptions;
  if (typeof options !== 'object' || options === null) refuse('options', 'an object', options);
  for (const name of Object.keys(options)) {
    if ((names as readonly string[]).includes(name)) continue;
    const meant = didYouMean(name, names);
    refuse(name, `one of ${names.join(', ')}`, name, meant === null ? undefined : `Did you mean ${meant}?`);
  }
  const { id, key, traceparent, tracestate } = options;
  if (id !== undefined && !isJobId(id)) refuse('id', `1 to ${MAX_ID_BYTES} bytes of text without control characters`, id);
  if (key !== undefined && typeof key !== 'string') refuse('key', 'text', key);
  if (traceparent !== undefined && (typeof traceparent !== 'string' || !isTraceparent(traceparent))) {
    refuse('traceparent', 'a W3C traceparent such as "00-<32 hex>-<16 hex>-01"', traceparent);
  }
  if (tracestate !== undefined && (typeof tracestate !== 'string' || tracestate.length > 512 || traceparent === undefined)) {
    refuse('tracestate', 'text of at most 512 characters beside a traceparent', tracestate);
  }
  if (options.unique !== undefined && id === undefined) refuse('unique', 'an id beside it', options.unique, 'Derive the id from what causes the job');
  const uniqueForMs = options.unique === undefined ? undefined : Math.ceil(parseDuration(options.unique, 'unique'));
  return { id: id ?? null, key: key ?? null, notBeforeMs: readNotBefore(options, now), uniqueForMs, traceparent, tracestate };
}

function readNotBefore({ runAt, delay }: EnqueueOptions, now: number): number | undefined {
  if (runAt === undefined && delay === undefined) return undefined;
  if (runAt !== undefined && delay !== undefined) refuse('delay', 'either runAt or delay', 'both', 'Leave one out');
  const at = runAt === undefined ? 'delay' : 'runAt';
  if (runAt !== undefined && !(runAt instanceof Date && !Number.isNaN(runAt.getTime()))) refuse(at, 'a valid Date', runAt);
  const time = runAt === undefined ? now + parseDuration(delay ?? '', at) : runAt.getTime();
  if (time > now + MAX_DELAY_MS) refuse(at, 'a time at most 366 days ahead', runAt?.toISOString() ?? delay);
  return Math.max(0, Math.ceil(time));
}

function refuse(at: string, expected: string, got: unknown, fix?: string): never {
  throw new MillraceError('BAD_ENQUEUE_OPTION', { at, expected, got, ...(fix === undefined ? {} : { fix }) });
}
