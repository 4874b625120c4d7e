import type { JobEventTypeV2 } from '../../schemas/millrace.JobEvents/payload.generated.ts';
import { NOT_NULL, NULL, writeDouble, writeInt, writeLong, writeText } from '../avro/writeBytes.ts';
import { EVENT_KEY_BYTES, type JobEvent } from '../engine/effects.ts';

/** Places of the types in the schema's list. */
export const eventTypeCodes: Readonly<Record<JobEventTypeV2, number>> = {
  other: 0, started: 1, done: 2, waiting: 3, buried: 4, redriven: 5, discarded: 6, cancelled: 7, progress: 8, duplicate: 9,
};

const MAX_INT = 2 ** 31 - 1;
/** Up to here a loop over the bytes beats the call into native code. */
const SHORT_KEY = 16;

/** Writes a line of `events` of `millrace.JobEvents` v2 at `from`, where {@link eventBytes} are free, and returns where the next begins. Never throws. */
export function writeEvent(target: Buffer, from: number, event: JobEvent, kindIndex: number, startMs: number): number {
  const { type, job, attempt, atMs } = event;
  let at = writeInt(target, from, eventTypeCodes[type]);
  at = writeText(target, at, job.id);
  at = writeInt(target, at, kindIndex);
  at = writeKey(target, at, event);
  at = writeLong(target, at, job.offset);
  at = writeInt(target, at, toInt(attempt));
  // A clock that was set meanwhile must not make the record impossible to write.
  at = writeInt(target, at, toInt(atMs - startMs));
  return writeDetail(target, at, event);
}

function writeKey(target: Buffer, at: number, { job: { keyText } }: JobEvent): number {
  if (keyText === null) {
    target[at] = NULL;
    return at + 1;
  }
  target[at] = NOT_NULL;
  const length = Math.min(keyText.length, EVENT_KEY_BYTES);
  const start = writeInt(target, at + 1, length);
  if (length > SHORT_KEY) return start + target.write(keyText, start, length, 'latin1');
  for (let i = 0; i < length; i++) target[start + i] = keyText.charCodeAt(i);
  return start + length;
}

function writeDetail(target: Buffer, from: number, { reason, dueMs, failure, words }: JobEvent): number {
  let at = from;
  if (reason === null && dueMs === null && failure === null && words === null) {
    target[at] = NULL;
    return at + 1;
  }
  target[at++] = NOT_NULL;
  at = writeTextOrNull(target, at, reason);
  if (dueMs === null) target[at++] = NULL;
  else {
    target[at++] = NOT_NULL;
    at = writeLong(target, at, dueMs);
  }
  if (failure === null) target[at++] = NULL;
  else {
    target[at++] = NOT_NULL;
    at = writeText(target, at, failure.code);
    at = writeText(target, at, failure.message);
  }
  const progress = words?.progress ?? null;
  if (progress === null) target[at++] = NULL;
  else {
    target[at++] = NOT_NULL;
    at = writeDouble(target, at, progress);
  }
  at = writeTextOrNull(target, at, words?.note ?? null);
  return writeTextOrNull(target, at, words?.result ?? null);
}

function writeTextOrNull(target: Buffer, at: number, text: string | null): number {
  target[at] = text === null ? NULL : NOT_NULL;
  return text === null ? at + 1 : writeText(target, at + 1, text);
}

function toInt(value: number): number {
  return (value | 0) === value ? value : Math.trunc(Math.max(-MAX_INT, Math.min(MAX_INT, value)));
}
