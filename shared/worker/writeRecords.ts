import type { Codec, Writer } from '../avro/codec.ts';
import { bodyOf } from '../bodies/bodyOf.ts';
import { EVENT_KEY_BYTES, type DeadLetter, type JobEvent, type RoomWrite } from '../engine/effects.ts';
import type { Job } from '../engine/job.ts';
import { PAUSE_PREFIX, SEEN_PREFIX } from '../engine/marks.ts';
import type { JobEventsV2, JobEventV2 } from '../../schemas/millrace.JobEvents/payload.generated.ts';
import { appliedRecord, buriedRecord, goneRecord, leaseRecord, markRecord, waitRecord, type CarriedJob, type MarkReason, type Origin } from '../kafka/envelope.ts';
import type { OutgoingRecord } from '../kafka/port.ts';

const MAX_INT = 2 ** 31 - 1;

function originOf(topic: string, partition: number, offset: number, timestampMs: number): Origin {
  return { topic, partition, offset, timestampMs };
}

function carried(topic: string, partition: number, job: Job): CarriedJob {
  return {
    id: job.id,
    kind: job.kind === '' ? null : job.kind,
    origin: originOf(topic, partition, job.offset, job.timestampMs),
    key: job.key,
    ...bodyOf(job),
  };
}

/** A record for the retry topic of main topic `topic`. */
export function writeRoomRecord(topic: string, partition: number, write: RoomWrite): OutgoingRecord {
  const stamp = { epoch: write.epoch, seq: write.seq };
  switch (write.type) {
    case 'wait':
      return waitRecord(write.key, carried(topic, partition, write.job as Job), write, stamp);
    case 'tombstone':
    case 'void':
      return goneRecord(write.type, write.key, originOf(topic, partition, write.origin, write.job?.timestampMs ?? -1), stamp);
    case 'mark':
      return markRecord(write.key, reasonOfMark(write.key), write.dueMs, write.origin < 0 ? null : originOf(topic, partition, write.origin, -1), stamp);
    case 'applied':
      return appliedRecord(write.key, stamp);
    case 'lease':
      return leaseRecord(write.key, write.epoch, write.holder);
  }
}

function reasonOfMark(key: string): MarkReason {
  if (key.startsWith(PAUSE_PREFIX)) return 'paused';
  return key.startsWith(SEEN_PREFIX) ? 'seen' : 'applied';
}

/** A record for the DLQ. */
export function writeDeadLetter(topic: string, partition: number, letter: DeadLetter): OutgoingRecord {
  const { job, redriven, reason, failure } = letter;
  return buriedRecord(carried(topic, partition, job), { attempt: job.attempt, reason, failure, firstFailure: job.firstFailure ?? failure, redriven });
}

/** The one record that tells a partition's events since the last flush. */
export function writeEvents(
  codec: Codec,
  writer: Writer<JobEventsV2>,
  batch: { readonly queue: string; readonly partition: number; readonly worker: string; readonly epoch: number },
  events: readonly JobEvent[],
): OutgoingRecord {
  const kinds: string[] = [];
  const kindIndex = new Map<string, number>();
  const startMs = events[0]?.atMs ?? 0;
  const lines: JobEventV2[] = new Array<JobEventV2>(events.length);
  for (let at = 0; at < events.length; at++) {
    const { type, job, attempt, atMs, reason, dueMs, failure, words } = events[at] as JobEvent;
    let kind = kindIndex.get(job.kind);
    if (kind === undefined) {
      kind = kinds.push(job.kind) - 1;
      kindIndex.set(job.kind, kind);
    }
    const detail = reason === null && dueMs === null && failure === null && words === null ? null : {
      reason, dueMs, error: failure === null ? null : { code: failure.code, message: failure.message },
      progress: words?.progress ?? null, note: words?.note ?? null, result: words?.result ?? null,
    };
    const key = job.key !== null && job.key.length > EVENT_KEY_BYTES ? job.key.subarray(0, EVENT_KEY_BYTES) : job.key;
    // A clock that was set meanwhile must not make the record impossible to write.
    const afterMs = Math.max(-MAX_INT, Math.min(MAX_INT, Math.trunc(atMs - startMs)));
    lines[at] = { type, id: job.id, kind, key, offset: job.offset, attempt, afterMs, detail };
  }
  return { key: null, value: codec.encode({ ...batch, startMs, kinds, events: lines }, writer) };
}
