import type { RoomWrite } from './effects.ts';
import type { Failure } from '../jobs/failure.ts';
import type { Job, JobInput } from './job.ts';
import type { Mark } from './marks.ts';
import type { Partition } from './partition.ts';

/** Headers that a waiting copy adds to a record, beside its failures: the longest id, kind and topic name occur in several of them. */
const COPY_OVERHEAD_BYTES = 2048;

/** As JSON, in which a control character takes six bytes. */
function failureBytes(failure: Failure | null): number {
  return failure === null ? 0 : Buffer.byteLength(JSON.stringify(failure));
}

/** Size of a job's record in the retry topic or the DLQ, estimated from above. */
export function copyBytes(partition: Partition, job: Job): number {
  return partition.host.recordBytes(job) + COPY_OVERHEAD_BYTES + failureBytes(job.failure) + failureBytes(job.firstFailure);
}

export function fitsRoom(partition: Partition, job: Job): boolean {
  return copyBytes(partition, job) <= partition.host.limits.retryRecordBytes;
}

/** Writes (or writes again) a job's waiting record. It carries the job's state of the moment it is sent. */
export function putWait(partition: Partition, job: Job): void {
  if (job.waitQueued) return;
  if (job.room === 'none') {
    job.room = 'writing';
    // Two live jobs may bear one id (a producer's double): compaction must not take one for the other.
    while (partition.roomKeys.has(job.logKey)) job.logKey += `@${job.offset}`;
    partition.roomKeys.set(job);
    partition.room.set(job);
    if (job.slot >= 0) {
      partition.memoryJobs--;
      partition.memoryBytes -= job.bytes;
    }
    partition.host.retain(job);
    partition.roomBytes += job.bytes;
  }
  job.waitQueued = true;
  partition.retry.put(write('wait', job.logKey, job.offset, job));
}

/** A job of the room has another body than it had. */
export function takeBody(partition: Partition, job: Job, { value, headers }: JobInput): void {
  partition.roomBytes -= job.bytes;
  job.value = value;
  job.headers = headers;
  partition.host.retain(job);
  partition.roomBytes += job.bytes;
}

export function putTombstone(partition: Partition, job: Job): void {
  job.room = 'leaving';
  partition.retry.put(write('tombstone', job.logKey, job.offset, job));
}

/** The truth about an offset of which we hold no job (rule 7). */
export function putTruth(partition: Partition, type: 'tombstone' | 'void', key: string, origin: number): void {
  partition.retry.put(write(type, key, origin, null));
}

export function putApplied(partition: Partition, commandKey: string): void {
  partition.retry.put(write('applied', commandKey, -1, null));
}

/** A record about no job that waits: a mark, or its end. */
export function controlWrite(type: 'mark' | 'applied', key: string, origin: number, mark: Mark | null): RoomWrite {
  return write(type, key, origin, null, '', mark);
}

function write(type: RoomWrite['type'], key: string, origin: number, job: Job | null, holder = '', mark: Mark | null = null): RoomWrite {
  return { type, key, origin, job, mark, holder, epoch: 0, seq: 0, attempt: 0, dueMs: 0, reason: 'behind', failure: null, firstFailure: null, confirmed: false };
}

export function leaseWrite(epoch: number, holder: string): RoomWrite {
  const lease = write('lease', `lease/${epoch}`, -1, null, holder);
  lease.epoch = epoch;
  return lease;
}

/** Gives a group its epoch and sequences, and waiting records their content, when it is sent for the first time. */
export function stamp(partition: Partition, group: readonly RoomWrite[]): void {
  for (const item of group) {
    if (item.seq !== 0 || item.type === 'lease') continue;
    item.epoch = partition.epoch;
    item.seq = partition.log.nextSeq++;
    partition.log.unconfirmed.push(item);
    const job = item.job;
    if (job === null) continue;
    job.lastSeq = item.seq;
    if (item.type !== 'wait') continue;
    job.waitQueued = false;
    item.attempt = loggedAttempt(job);
    item.dueMs = job.state === 'waiting' ? job.dueMs : 0;
    item.reason = waitReason(partition, job);
    item.failure = job.failure;
    item.firstFailure = job.firstFailure;
  }
}

/** Until the end of a job is settled, the log counts the attempts before its last: a successor that repeats that one gives it the same number. */
function loggedAttempt(job: Job): number {
  const repeats = job.concluded && ((job.state === 'ended' && job.reason !== 'held') || job.state === 'burying');
  return repeats ? job.attempt - 1 : job.attempt;
}

/** Why a job of the room does not run now. */
export function waitReason({ pauses }: Partition, job: Job): RoomWrite['reason'] {
  switch (job.state) {
    case 'waiting':
    case 'held':
      return job.reason;
    case 'running':
      return 'running';
    case 'queued':
      return pauses?.holds(job) === true ? 'paused' : 'behind';
    case 'claiming':
    case 'burying':
      return 'behind';
    case 'ended': // discarded, if it was held: until that is settled it must not run
      return job.reason === 'held' ? 'held' : 'behind';
  }
}
