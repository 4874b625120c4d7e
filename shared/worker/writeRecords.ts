import { bodyOf } from '../bodies/bodyOf.ts';
import type { DeadLetter, RoomWrite } from '../engine/effects.ts';
import type { Job } from '../engine/job.ts';
import { PAUSE_PREFIX, SEEN_PREFIX } from '../engine/marks.ts';
import { appliedRecord, buriedRecord, goneRecord, leaseRecord, markRecord, waitRecord, type CarriedJob, type MarkReason, type Origin } from '../kafka/envelope.ts';
import type { OutgoingRecord } from '../kafka/port.ts';

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
