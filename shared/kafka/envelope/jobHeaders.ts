import { LONGEST_WAIT_MS } from '../../jobs/duration.ts';
import { PackedHeaders, type CarriedHeaders } from '../packedHeaders.ts';
import type { Headers } from '../port.ts';
import { CONTENT_TYPE, SPEC_VERSION, headerNames } from './headerNames.ts';
import { hasHeader, readInteger, readText } from './readHeader.ts';

/** Room for a derived id with the longest topic name. */
export const MAX_ID_BYTES = 300;
export const MAX_KIND_BYTES = 256;
const MAX_TRACE_BYTES = 1024;
const SPEC_VERSION_BYTES = Buffer.from(SPEC_VERSION);
const CONTENT_TYPE_BYTES = Buffer.from(CONTENT_TYPE);

/** The longest that a producer may ask a job to wait. */
export const MAX_DELAY_MS = LONGEST_WAIT_MS;

/** What the headers of a main record say. What many records share may be given as bytes, so that it is encoded once. */
export interface JobHeaderFields {
  readonly id: string;
  readonly kind: Buffer | string;
  /** Who enqueued it: a URI reference, for instance `/checkout`. */
  readonly source: Buffer | string;
  /** RFC 3339. */
  readonly time: Buffer | string;
  /** Epoch ms. */
  readonly notBeforeMs?: number | undefined;
  readonly uniqueForMs?: number | undefined;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** The headers of a main record. */
export function jobHeaders(fields: JobHeaderFields): Headers {
  // Literal names: objects of one shape, made at once, are several times cheaper than objects grown by computed names.
  const headers: Record<string, Buffer | string> = {
    ce_specversion: SPEC_VERSION_BYTES,
    ce_id: fields.id,
    ce_type: fields.kind,
    ce_source: fields.source,
    ce_time: fields.time,
    'content-type': CONTENT_TYPE_BYTES,
  };
  if (fields.notBeforeMs !== undefined) headers[headerNames.notBefore] = String(fields.notBeforeMs);
  if (fields.uniqueForMs !== undefined) headers[headerNames.uniqueFor] = String(fields.uniqueForMs);
  if (fields.traceparent !== undefined) headers[headerNames.traceparent] = fields.traceparent;
  if (fields.tracestate !== undefined) headers[headerNames.tracestate] = fields.tracestate;
  return headers;
}

/** The job's id. One that is missing, longer than 300 bytes, not UTF-8 or has control characters: `topic-partition-offset`. */
export function readJobId(headers: CarriedHeaders, topic: string, partition: number, offset: number): string {
  return readText(headers, headerNames.id, MAX_ID_BYTES) ?? `${topic}-${partition}-${offset}`;
}

/** Whether a text can be a job's id: what {@link readJobId} gives back unchanged. */
export function isJobId(text: unknown): text is string {
  return typeof text === 'string' && text.isWellFormed() && Buffer.byteLength(text) <= MAX_ID_BYTES && readText({ id: text }, 'id', MAX_ID_BYTES) === text;
}

/** The job's kind. Null when it is missing or unusable: then the full name of the writer's schema is the kind. */
export function readKind(headers: CarriedHeaders): string | null {
  if (headers instanceof PackedHeaders && lastKind !== null && headers.is(headerNames.kind, lastKind)) return lastKind;
  const kind = readText(headers, headerNames.kind, MAX_KIND_BYTES);
  lastKind = kind;
  return kind;
}

/** Mostly it is that of the record before, whose text is taken again. */
let lastKind: string | null = null;

/**
 * When the job may run at the earliest, epoch ms; null: at once. What is no plain number counts as absent. What lies further ahead
 * of `now` than {@link MAX_DELAY_MS} is cut to that: too late shows in the status and can be changed, too early cannot be undone.
 */
export function readNotBeforeMs(headers: CarriedHeaders, now: number): number | null {
  if (!hasHeader(headers, headerNames.notBefore)) return null;
  const time = readInteger(headers, headerNames.notBefore);
  return time === null ? null : Math.min(time, now + MAX_DELAY_MS);
}

/**
 * For how long after it is settled no other job of its id and key runs, ms; 0: others may. Only an id that the producer chose can come again. What
 * is no plain number counts as absent; more than {@link MAX_DELAY_MS} is cut to that.
 */
export function readUniqueForMs(headers: CarriedHeaders): number {
  if (!hasHeader(headers, headerNames.uniqueFor)) return 0;
  const time = readInteger(headers, headerNames.uniqueFor);
  return time === null || readText(headers, headerNames.id, MAX_ID_BYTES) === null ? 0 : Math.min(time, MAX_DELAY_MS);
}

/** Longest name of a schedule. */
const MAX_SCHEDULE_BYTES = 150;
const LAST_DATE_MS = 8.64e15;

/** The schedule and the tick that the job is a run for; null: it is none. */
export function readScheduleTick(headers: CarriedHeaders): { readonly schedule: string; readonly at: Date } | null {
  if (!hasHeader(headers, headerNames.schedule)) return null;
  const schedule = readText(headers, headerNames.schedule, MAX_SCHEDULE_BYTES);
  const tickMs = readInteger(headers, headerNames.tick, LAST_DATE_MS);
  return schedule === null || tickMs === null ? null : { schedule, at: new Date(tickMs) };
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** When the job was enqueued, epoch ms: `ce_time`, or the record's timestamp where that is missing or no RFC 3339. */
export function readEnqueuedAtMs(headers: CarriedHeaders, timestampMs: number): number {
  const text = readText(headers, headerNames.time, 64);
  const time = text !== null && rfc3339.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? timestampMs : time;
}

/** The job's W3C trace context; a `traceparent` that is not of the specified form counts as absent, and its `tracestate` with it. */
export function readTrace(headers: CarriedHeaders): { readonly traceparent: string; readonly tracestate: string | null } | null {
  const traceparent = readText(headers, headerNames.traceparent, MAX_TRACE_BYTES);
  if (traceparent === null || !isTraceparent(traceparent)) return null;
  return { traceparent, tracestate: readText(headers, headerNames.tracestate, MAX_TRACE_BYTES) };
}

/** W3C Trace Context, version 00 and what later versions must keep; all-zero ids are invalid. */
export function isTraceparent(text: string): boolean {
  return /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/.test(text);
}

/** Names of the headers of a main record that are there but cannot be used; for logs and status, not for the hot path. */
export function findFlaws(headers: CarriedHeaders): string[] {
  const checks: readonly [name: string, usable: boolean][] = [
    [headerNames.id, readText(headers, headerNames.id, MAX_ID_BYTES) !== null],
    [headerNames.kind, readKind(headers) !== null],
    [headerNames.time, !Number.isNaN(readEnqueuedAtMs(headers, NaN))],
    [headerNames.notBefore, readInteger(headers, headerNames.notBefore) !== null],
    [headerNames.uniqueFor, readUniqueForMs(headers) > 0],
    [headerNames.traceparent, readTrace(headers) !== null],
  ];
  return checks.filter(([name, usable]) => !usable && hasHeader(headers, name)).map(([name]) => name);
}
