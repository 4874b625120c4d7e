import { EVENT_KEY_BYTES, type JobEvent } from './effects.ts';

/** Numbers, lengths and markers of a line, and of its kind's entry. */
const PLAIN_BYTES = 40;
/** The same of a line's detail. */
const DETAIL_BYTES = 60;
/** Of a UTF-16 unit as UTF-8. */
const UNIT_BYTES = 3;

/**
 * What an event takes in its record at most: kinds are written once each, but all may differ. Texts are not measured, which would cost more than writing
 * them.
 */
export function eventBytes({ job, reason, dueMs, failure, words }: JobEvent): number {
  const plain = PLAIN_BYTES + (job.id.length + job.kind.length) * UNIT_BYTES + Math.min(job.keyText?.length ?? 0, EVENT_KEY_BYTES);
  if (reason === null && dueMs === null && failure === null && words === null) return plain;
  let units = reason?.length ?? 0;
  if (failure !== null) units += failure.code.length + failure.message.length;
  if (words !== null) units += (words.note?.length ?? 0) + (words.result?.length ?? 0);
  return plain + DETAIL_BYTES + units * UNIT_BYTES;
}
