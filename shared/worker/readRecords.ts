import type { Codec } from '../avro/codec.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import type { RoomRecord } from '../engine/effects.ts';
import type { Fault, JobInput, WaitReason } from '../engine/job.ts';
import { describeValue, isMillraceError } from '../errors/MillraceError.ts';
import { makeFailure } from '../jobs/failure.ts';
import type { BuryReason } from '../jobs/outcome.ts';
import type { JobPolicy } from '../jobs/policy.ts';
import { readJobId, readKind, readNotBeforeMs, readRetryRecord, readUniqueForMs, type CarriedJob } from '../kafka/envelope.ts';
import type { CarriedHeaders } from '../kafka/packedHeaders.ts';
import type { FetchedBatch, FetchedRecord } from '../kafka/port.ts';

/** What an envelope without much in it takes in memory; one with more counts for its bytes. The exact size of a record is asked only when it is copied. */
const ENVELOPE_BYTES = 512;

/** The farthest that a Date reaches. Producers choose timestamps: one beyond it counts as none. */
const LATEST_DATE_MS = 8.64e15;

export interface ReadContext {
  /** Main topic. */
  readonly topic: string;
  readonly policies: ReadonlyMap<string, JobPolicy>;
  readonly codec: Codec;
}

/**
 * A record of the main topic as the engine takes it in. A record without `ce_type` has its kind from its schema; where that is not
 * loaded yet, the answer is the schema's id: load it and read the record again.
 */
export function readMainRecord(context: ReadContext, record: FetchedRecord, partition: number, now: number): JobInput | number {
  const { value } = record;
  const headers = record.packedHeaders ?? record.headers;
  let kind = readKind(headers);
  let fault: Fault | null = null;
  if (kind === null || value === null || value.length < 5 || value[0] !== 0) {
    try {
      const schemaId = readSchemaId(value);
      if (kind === null) {
        if (!context.codec.knows(schemaId)) return schemaId;
        kind = context.codec.writerName(schemaId);
      }
    } catch (error) {
      fault = faultOf(error, now);
      kind ??= '';
    }
  }
  const policy = context.policies.get(kind ?? '') ?? null;
  const key = record.keyText === undefined ? record.key?.toString('latin1') ?? null : record.keyText;
  return {
    offset: record.offset,
    timestampMs: Math.abs(record.timestampMs) <= LATEST_DATE_MS ? record.timestampMs : -1,
    id: readJobId(headers, context.topic, partition, record.offset),
    // One text for all jobs of a kind.
    kind: policy?.kind ?? kind ?? '',
    policy,
    key,
    value,
    headers,
    bytes: (value?.length ?? 0) + (key?.length ?? 0) + Math.max(ENVELOPE_BYTES, record.packedHeaders?.bytes ?? 0),
    notBeforeMs: readNotBeforeMs(headers, now) ?? 0,
    uniqueForMs: readUniqueForMs(headers),
    fault,
  };
}

/** Why a record can never run, from the error that says so. */
export function faultOf(error: unknown, now: number): Fault {
  const code = isMillraceError(error) ? error.code : 'UNDECODABLE';
  const message = error instanceof Error ? error.message : describeValue(error);
  return { reason: buryReasonOf(error), failure: makeFailure({ code, name: 'BadRecord', message, at: now }) };
}

function buryReasonOf(error: unknown): BuryReason {
  if (isMillraceError(error, 'WIRE_EMPTY')) return 'empty';
  if (isMillraceError(error, 'WIRE_MAGIC')) return 'wire';
  if (isMillraceError(error, 'SCHEMA_UNKNOWN')) return 'schema-unknown';
  return 'undecodable';
}

const reasons: ReadonlySet<string> = new Set<WaitReason>(['retry', 'snoozed', 'scheduled', 'behind', 'running', 'held', 'unknown-kind', 'paused', 'locked', 'dependency-down', 'claim-missing']);

/** The records of a batch of the retry topic, each made when it is asked for: all at once, a restore's would outlive their youth, and fill memory. */
export function *readRoomRecords(context: ReadContext, { records, partition }: Pick<FetchedBatch, 'records' | 'partition'>, now: number): Iterable<RoomRecord> {
  for (const record of records) yield readRoomRecord(context, record, partition, now);
}

/** A record of the retry topic as the engine reads it. */
export function readRoomRecord(context: ReadContext, record: FetchedRecord, partition: number, now: number): RoomRecord {
  const read = readRetryRecord(record, context.topic, partition, now);
  switch (read.type) {
    case 'wait': {
      const { attempt, dueMs, reason, failure, firstFailure } = read.waiting;
      // A reason of a later version means at least that it waits for its time.
      const known = reasons.has(reason) ? (reason as WaitReason) : 'retry';
      return { type: 'wait', offset: record.offset, key: read.key, epoch: read.epoch, seq: read.seq, job: carriedInput(context, read.job, now), attempt, dueMs, reason: known, failure, firstFailure };
    }
    case 'tombstone':
    case 'void':
      return { type: read.type, offset: record.offset, key: read.key, epoch: read.epoch, seq: read.seq, origin: read.origin.offset, originMs: read.origin.timestampMs };
    case 'lease':
      return { type: 'lease', offset: record.offset, key: read.key, epoch: read.epoch, holder: read.holder };
    case 'command':
      return { type: 'command', offset: record.offset, key: read.key, command: read.command, job: carriedInput(context, read.job, now), firstFailure: read.firstFailure, redriven: read.redriven };
    case 'pause':
      return { type: 'pause', offset: record.offset, key: read.key, on: read.on, scope: read.scope };
    case 'mark':
      return { type: 'mark', offset: record.offset, key: read.key, epoch: read.epoch, seq: read.seq, untilMs: read.untilMs, origin: read.origin?.offset ?? -1 };
    case 'applied':
      return { type: 'applied', offset: record.offset, key: read.key, epoch: read.epoch, seq: read.seq };
    case 'foreign':
      return { type: 'foreign', offset: record.offset, key: read.key, control: read.control };
  }
}

function carriedInput(context: ReadContext, job: CarriedJob<CarriedHeaders>, now: number): JobInput {
  let kind = job.kind;
  let fault: Fault | null = null;
  if (kind === null) {
    // It was buried before anybody knew its kind. Called back, it is not of an unknown kind, for whose worker its entity would wait.
    try {
      const schemaId = readSchemaId(job.value);
      if (context.codec.knows(schemaId)) kind = context.codec.writerName(schemaId);
    } catch (error) {
      fault = faultOf(error, now);
    }
  }
  const policy = context.policies.get(kind ?? '') ?? null;
  return {
    offset: job.origin.offset,
    timestampMs: job.origin.timestampMs,
    id: job.id,
    kind: policy?.kind ?? kind ?? '',
    policy,
    key: job.key?.toString('latin1') ?? null,
    value: job.value,
    headers: job.headers satisfies CarriedHeaders,
    bytes: (job.value?.length ?? 0) + (job.key?.length ?? 0) + ENVELOPE_BYTES,
    notBeforeMs: 0,
    uniqueForMs: readUniqueForMs(job.headers),
    fault,
  };
}
