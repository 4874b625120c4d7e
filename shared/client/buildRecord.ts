import type { Codec, Writer } from '../avro/codec.ts';
import type { ClaimWriter } from '../claims/claimWriter.ts';
import { refuseUndeclaredFields } from '../avro/undeclaredField.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import { headerBytes, jobHeaders } from '../kafka/envelope.ts';
import { partitionFor } from '../kafka/partitionFor.ts';
import type { OutgoingRecord } from '../kafka/port.ts';
import type { CheckedOptions } from './enqueueOptions.ts';

/** The part of the codec that a client needs. */
export type ClientCodec = Pick<Codec, 'register' | 'encode'>;

/** A kind whose schema is registered and whose queue is known: its jobs can be built without asking anybody. */
export interface PreparedKind {
  readonly job: JobDefinition;
  readonly writer: Writer<unknown>;
  readonly partitions: number;
  readonly kindBytes: Buffer;
  readonly sourceBytes: Buffer;
}

/** A job as a record, ready to be sent. */
export interface BuiltRecord {
  readonly id: string;
  readonly partition: number;
  readonly record: OutgoingRecord;
  /** Size of key, value and headers. */
  readonly bytes: number;
  /** The value goes to the store of large payloads, and its claim into the record. */
  readonly large: boolean;
}

export interface BuildTools {
  readonly codec: ClientCodec;
  readonly createId: () => string;
  /** Now, RFC 3339, as bytes. */
  readonly time: () => Buffer;
  /** Spreads jobs without a key. */
  readonly nextPartition: (count: number) => number;
  /** A larger record is refused, because Kafka would, or because its copy in the retry topic would not fit. */
  readonly maxRecordBytes: number;
  /** The store of large payloads, if there is one. */
  readonly claims?: Pick<ClaimWriter, 'isLarge'> | null;
}

/** @throws MillraceError BAD_PAYLOAD naming the field, BROKER_RECORD_TOO_LARGE */
export function buildRecord(kind: PreparedKind, payload: unknown, options: CheckedOptions, tools: BuildTools): BuiltRecord {
  const value = tools.codec.encode(payload, kind.writer);
  refuseUndeclaredFields(payload, kind.writer);
  const key = readKey(kind.job, payload, options.key);
  const id = options.id ?? tools.createId();
  const headers = jobHeaders({
    id, kind: kind.kindBytes, source: kind.sourceBytes, time: tools.time(), notBeforeMs: options.notBeforeMs, uniqueForMs: options.uniqueForMs, traceparent: options.traceparent,
    tracestate: options.tracestate,
  });
  const bytes = value.length + (key?.length ?? 0) + HEADERS_AT_MOST;
  const large = tools.claims?.isLarge(value) === true;
  if (bytes > tools.maxRecordBytes) refuseTooLarge(kind, (large ? CLAIM_AT_MOST : value.length) + (key?.length ?? 0) + headerBytes(headers), tools);
  const partition = key === null ? spread(id, kind, options, tools) : partitionFor(key, kind.partitions);
  return { id, partition, record: { key, value, headers }, bytes, large };
}

/** A job without a key may go anywhere; but one whose id may come again goes where the first went, so that the double is noticed. */
function spread(id: string, { partitions }: PreparedKind, { uniqueForMs }: CheckedOptions, { nextPartition }: BuildTools): number {
  return uniqueForMs === undefined ? nextPartition(partitions) : partitionFor(Buffer.from(id), partitions);
}

/** What headers take, counted from above: counting them exactly would cost as much as building them. */
const HEADERS_AT_MOST = 512;
/** A claim, whose object's name is made of a queue's, a day and a hash. */
export const CLAIM_AT_MOST = 512;

function readKey(job: JobDefinition, payload: unknown, override: string | null): Buffer | null {
  if (override === null && job.key === null) return null;
  let key: unknown;
  try {
    key = override ?? job.key?.(payload);
  } catch (cause) {
    throw new MillraceError('BAD_PAYLOAD', { at: `${job.kind}: key`, expected: 'a payload that the key can be read from', got: cause, cause });
  }
  if (typeof key !== 'string' || key === '' || !key.isWellFormed()) {
    throw new MillraceError('BAD_PAYLOAD', { at: `${job.kind}: key`, expected: 'well-formed text that names an entity', got: key });
  }
  return Buffer.from(key);
}

function refuseTooLarge({ job }: PreparedKind, bytes: number, { maxRecordBytes: maxBytes, claims }: BuildTools): void {
  if (bytes <= maxBytes) return;
  throw new MillraceError('BROKER_RECORD_TOO_LARGE', {
    at: job.kind, expected: `at most ${maxBytes} bytes`, got: bytes,
    fix: claims == null ? 'Give largePayloads ({ folder } or { store }), so that it goes to a store; or put the data elsewhere and its address into the payload' : 'Its key and headers are too large; or lower largePayloads.overBytes',
  });
}
