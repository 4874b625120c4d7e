import { unpackHeaders, type CarriedHeaders } from '../packedHeaders.ts';
import type { Headers, HeaderValue } from '../port.ts';
import { CONTENT_TYPE, SPEC_VERSION, headerNames } from './headerNames.ts';
import type { Origin } from './origin.ts';

/** Headers that say where a job stands. They are ours alone: a copy in the retry topic or DLQ never takes them from the record it copies. */
const standing: ReadonlySet<string> = new Set([
  headerNames.partitionKey, headerNames.attempt, headerNames.due, headerNames.reason, headerNames.origin, headerNames.error,
  headerNames.firstError, headerNames.epoch, headerNames.sequence, headerNames.nullValue, headerNames.command, headerNames.note, headerNames.redriven,
]);

/** Whether a header says where a job stands: it is not part of what a job carries. */
export function isStandingHeader(name: string): boolean {
  return standing.has(name);
}

/**
 * The headers that a job takes along from topic to topic: all that its producer gave, unknown ones too, without those that say where it
 * stands. A job from a producer that knows no CloudEvents gets `ce_id`, `ce_type` and `ce_time` here.
 */
export function carryHeaders(given: CarriedHeaders, id: string, kind: string | null, origin: Origin): Record<string, HeaderValue> {
  const headers = unpackHeaders(given);
  const carried = emptyHeaders();
  for (const name of Object.keys(headers ?? {})) {
    if (!standing.has(name)) carried[name] = headers?.[name];
  }
  carried[headerNames.specVersion] ??= SPEC_VERSION;
  carried[headerNames.id] = id;
  if (kind !== null) carried[headerNames.kind] = kind;
  carried[headerNames.source] ??= `kafka:${origin.topic}`;
  carried[headerNames.time] ??= new Date(Math.min(Math.max(origin.timestampMs, 0), 8.64e15)).toISOString();
  carried[headerNames.contentType] ??= CONTENT_TYPE;
  return carried;
}

/** Without a prototype, so that a header named `__proto__` is one like any other. */
function emptyHeaders(): Record<string, HeaderValue> {
  return Object.create(null) as Record<string, HeaderValue>;
}

/** Bytes that headers take in a record, a few bytes of framing each included. */
export function headerBytes(headers: Headers | undefined): number {
  let total = 0;
  for (const name of Object.keys(headers ?? {})) {
    const value = headers?.[name];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) total += Buffer.byteLength(name) + Buffer.byteLength(one) + 6;
    }
  }
  return total;
}
