import { jobEventsV2 } from '../../schemas/millrace.JobEvents/payload.generated.ts';
import { claimV1 } from '../../schemas/millrace.Claim/payload.generated.ts';
import { createReader, type Codec } from '../avro/codec.ts';
import type { PlainDecoder } from '../avro/plainDecoder.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import type { Failure } from '../jobs/failure.ts';
import { parseScope } from '../jobs/scope.ts';
import { MAX_ID_BYTES, MAX_KIND_BYTES, headerNames, parseDiscardKey, parseRedriveKey, readBuriedRecord, readEnqueuedAtMs, readJobId, readKind, readNotBeforeMs, readRetryRecord, type CarriedJob } from '../kafka/envelope.ts';
import { readText } from '../kafka/envelope/readHeader.ts';
import type { FetchedRecord } from '../kafka/port.ts';
import type { EventFact, Fact, StandingFact } from './fact.ts';
import { plainJson, plainText } from './plainText.ts';

/** What each of a queue's topics tells. */
export const streams = ['main', 'retry', 'dlq', 'events'] as const;
export type Stream = (typeof streams)[number];

export interface FactReaderOptions {
  readonly codec: Codec;
  readonly decoder: PlainDecoder;
  /** Larger payloads are not decoded; 0: none is. */
  readonly maxPayloadBytes: number;
}

/** Somebody says that a scope stands still from then on, or goes on. */
export interface PauseWord {
  readonly scope: string;
  readonly on: boolean;
  /** By an operator; else it is the owner's mark, which may be an echo of a command before the last. */
  readonly commanded: boolean;
}

/** The facts of one record, and the lease epoch that its writer says it wrote in (0: it says none). */
export interface RecordFacts {
  readonly epoch: number;
  readonly facts: readonly Fact[];
  /** Who owned the partition then. */
  readonly worker: string | null;
  /** What is paused there from then on, or no more. */
  readonly pauses: readonly PauseWord[];
}

export interface FactReader {
  /** Schemas that records name and that are not here yet: `load` them before they are read. */
  missingSchemas(stream: Stream, records: readonly FetchedRecord[]): Set<number>;
  /** @throws MillraceError REGISTRY_UNAVAILABLE */
  load(stream: Stream, schemaId: number): Promise<void>;
  /** Never throws, whatever the bytes are: what says nothing has no facts. */
  read(queue: string, stream: Stream, partition: number, record: FetchedRecord): RecordFacts;
}

/** Longest texts that are kept: what is beyond says nothing new, and would only fill the database. */
const MAX_KEY = 1024;
/** As long as a list may be asked for; an index takes no more than some KB. */
const MAX_CODE = 256;
const MAX_MESSAGE = 2048;
const MAX_RESULT = 8192;

/** The newest shape of events that this version knows; later types are read as `other`. */
const eventsReader = createReader(jobEventsV2);

const nothing: RecordFacts = { epoch: 0, facts: [], worker: null, pauses: [] };

export function createFactReader({ codec, decoder, maxPayloadBytes }: FactReaderOptions): FactReader {
  const wantsPayload = (value: Buffer | null): boolean => value !== null && value.length <= maxPayloadBytes;

  const readPayload = (value: Buffer | null): { payload: string | null; payloadFlaw: string | null; schemaName: string | null } => {
    const without = (payloadFlaw: string | null) => ({ payload: null, payloadFlaw, schemaName: null });
    if (maxPayloadBytes === 0 || value === null) return without(null);
    if (!wantsPayload(value)) return without('TOO_LARGE');
    try {
      const { schemaName, payload } = decoder.decode(value);
      // The record holds a claim: who is shown a job wants its payload, not where it lies.
      if (schemaName === claimV1.subject) return without('IN_STORE');
      return { payload: plainJson(payload), payloadFlaw: null, schemaName };
    } catch (error) {
      return without(isMillraceError(error) ? error.code : 'AVRO_INVALID');
    }
  };

  const readMain = (queue: string, partition: number, { offset, timestampMs, key, value, headers }: FetchedRecord): RecordFacts => {
    const { schemaName, ...shown } = readPayload(value);
    const source = readText(headers, headerNames.source, MAX_KEY);
    return {
      ...nothing,
      facts: [{
        type: 'enqueued', partition, place: offset,
        id: readJobId(headers, queue, partition, offset),
        kind: readKind(headers) ?? (schemaName === null ? null : plainText(schemaName, MAX_KIND_BYTES)),
        key: keyText(key),
        createdMs: soundMs(readEnqueuedAtMs(headers, timestampMs)), enqueuedMs: soundMs(timestampMs),
        notBeforeMs: soundMsOrNull(readNotBeforeMs(headers, timestampMs)),
        source, valueBytes: value?.length ?? 0, ...shown,
      }],
    };
  };

  const readEvents = (partition: number, { value }: FetchedRecord): RecordFacts => {
    let batch;
    try {
      batch = codec.decode(value, eventsReader);
    } catch {
      return nothing;
    }
    const { epoch, startMs, kinds, events } = batch;
    // No owner counts so far.
    if (!Number.isSafeInteger(epoch)) return nothing;
    const worker = plainText(batch.worker, MAX_KEY);
    const facts: EventFact[] = [];
    for (const event of events) {
      if (event.offset < 0 || !Number.isSafeInteger(event.offset) || event.id === '' || event.id.length > MAX_ID_BYTES) continue;
      const { detail } = event;
      const kind = kinds[event.kind] ?? '';
      facts.push({
        type: 'event', partition, place: event.offset, event: event.type, id: plainText(event.id), kind: kind === '' ? null : plainText(kind, MAX_KIND_BYTES), key: keyText(event.key),
        attempt: event.attempt, atMs: soundMs(startMs + event.afterMs), worker, epoch,
        reason: detail?.reason == null ? null : plainText(detail.reason, 64),
        dueMs: soundMsOrNull(detail?.dueMs ?? null),
        error: detail?.error == null ? null : cleanError(detail.error),
        progress: detail?.progress == null ? null : cleanProgress(detail.progress),
        note: detail?.note == null ? null : plainText(detail.note, MAX_MESSAGE),
        result: detail?.result == null ? null : plainText(detail.result, MAX_RESULT),
      });
    }
    return { ...nothing, epoch, facts, worker };
  };

  const readDlq = (queue: string, partition: number, record: FetchedRecord): RecordFacts => {
    const read = readBuriedRecord(record);
    if (read === null || read.job.origin.topic !== queue || read.job.origin.partition !== partition) return nothing;
    const { attempt, reason, failure } = read.burial;
    const said = standing('buried', read.job, record.timestampMs, { attempt, reason, dueMs: 0, failure });
    const { place, id, kind, key, atMs, error } = said;
    // The burial goes first: what it makes known decides what its standing means.
    return { ...nothing, facts: [{ type: 'burial', partition, place, id, kind, key, burial: record.offset, atMs, error }, said] };
  };

  const readRetry = (queue: string, partition: number, record: FetchedRecord): RecordFacts => {
    const read = readRetryRecord(record, queue, partition, record.timestampMs);
    switch (read.type) {
      case 'lease':
        return { ...nothing, epoch: read.epoch };
      case 'wait':
        return { ...nothing, epoch: read.epoch, facts: [standing('waits', read.job, record.timestampMs, read.waiting)] };
      case 'tombstone':
        return { ...nothing, epoch: read.epoch, facts: [standing('gone', { id: read.key, kind: null, key: null, origin: read.origin }, record.timestampMs, { attempt: 0, reason: null, dueMs: 0, failure: null })] };
      case 'pause':
        return tellPause(0, { scope: read.scope, on: read.on, commanded: true });
      case 'mark': {
        if (read.key.startsWith(PAUSE_MARK)) return tellPause(read.epoch, { scope: read.key.slice(PAUSE_MARK.length), on: true, commanded: false });
        const redriven = parseRedriveKey(read.key);
        if (redriven === null) return nothing;
        return { ...nothing, epoch: read.epoch, facts: [{ type: 'redriven', partition, place: redriven.origin, burial: redriven.burial, atMs: soundMs(record.timestampMs) }] };
      }
      case 'applied':
        return read.key.startsWith(PAUSE_MARK) ? tellPause(read.epoch, { scope: read.key.slice(PAUSE_MARK.length), on: false, commanded: false }) : nothing;
      case 'command': {
        const burial = read.command === 'discard' ? parseDiscardKey(read.key) : null;
        if (burial === null) return nothing;
        return { ...nothing, facts: [{ type: 'discard', partition, place: read.job.origin.offset, id: plainText(read.job.id), burial, note: read.note, atMs: soundMs(record.timestampMs) }] };
      }
      default:
        return nothing;
    }
  };

  return {
    missingSchemas(stream, records) {
      const missing = new Set<number>();
      if (stream !== 'main' && stream !== 'events') return missing;
      const source = stream === 'events' ? codec : decoder;
      for (const { value } of records) {
        const id = stream === 'main' && !wantsPayload(value) ? null : schemaIdOf(value);
        if (id !== null && !source.knows(id)) missing.add(id);
      }
      return missing;
    },
    load: (stream, schemaId) => (stream === 'events' ? codec : decoder).load(schemaId),
    read(queue, stream, partition, record) {
      switch (stream) {
        case 'main':
          return readMain(queue, partition, record);
        case 'events':
          return readEvents(partition, record);
        case 'dlq':
          return readDlq(queue, partition, record);
        case 'retry':
          return readRetry(queue, partition, record);
      }
    },
  };
}

/** In front of a scope in the key of its mark. */
const PAUSE_MARK = 'pause/';

function tellPause(epoch: number, word: PauseWord): RecordFacts {
  return parseScope(word.scope) === null || word.scope.includes('\0') ? nothing : { ...nothing, epoch, pauses: [{ ...word, scope: plainText(word.scope) }] };
}

/** As many as a column takes. */
const MAX_ATTEMPT = 2 ** 31 - 1;
const LAST_TIME_MS = 8.64e15;

/** A time that a calendar knows, in whole ms: producers set timestamps as they like, and one that no column takes would stop the projection. */
export function soundMs(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.round(Math.max(-LAST_TIME_MS, Math.min(LAST_TIME_MS, ms)));
}

function soundMsOrNull(ms: number | null): number | null {
  return ms === null ? null : soundMs(ms);
}

/** As much of it as anybody looks at, so that it is read back as it was written. */
function cleanProgress(progress: number): number {
  return Math.round(Math.min(1, Math.max(0, progress)) * 10_000) / 10_000;
}

type Standing = { readonly attempt: number; readonly reason: string | null; readonly dueMs: number; readonly failure: Failure | null };

function standing(type: StandingFact['standing'], job: Pick<CarriedJob, 'id' | 'kind' | 'key' | 'origin'>, atMs: number, { attempt, reason, dueMs, failure }: Standing): StandingFact {
  return {
    type: 'standing', standing: type, partition: job.origin.partition, place: job.origin.offset, id: plainText(job.id), kind: job.kind, key: keyText(job.key),
    enqueuedMs: soundMs(job.origin.timestampMs), atMs: soundMs(atMs), attempt: Math.min(attempt, MAX_ATTEMPT), reason, dueMs: dueMs === 0 ? null : soundMs(dueMs), error: failure === null ? null : cleanError(failure),
  };
}

function cleanError({ code, message }: { readonly code: string; readonly message: string }): { readonly code: string; readonly message: string } {
  return { code: plainText(code, MAX_CODE), message: plainText(message, MAX_MESSAGE) };
}

function keyText(key: Buffer | null): string | null {
  if (key === null) return null;
  const text = key.toString();
  // Bytes, not characters: an index takes no more than some 2,700 of them.
  const cut = Buffer.byteLength(text) > MAX_KEY ? Buffer.from(text).subarray(0, MAX_KEY).toString().replace(/\ufffd$/, '') : text;
  return plainText(cut);
}

function schemaIdOf(value: Buffer | null): number | null {
  try {
    return readSchemaId(value);
  } catch {
    return null;
  }
}
