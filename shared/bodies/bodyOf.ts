import type { Job } from '../engine/job.ts';
import { headerBytes } from '../kafka/envelope.ts';
import { unpackHeaders, type CarriedHeaders } from '../kafka/packedHeaders.ts';
import { unpackBody, type Body } from './packBody.ts';

/** What the job carries, wherever it is kept in memory. Where it {@link isAway}, it has to be fetched first. */
export function bodyOf(job: Job): Body {
  if (job.isOpen) return { value: job.value, headers: unpackHeaders(job.headers as CarriedHeaders) };
  if (job.body === null) throw new TypeError(`the body of job ${job.id} was not fetched`);
  return unpackBody(job.body, job);
}

/** Is the job's body on disk alone? */
export function isAway(job: Job): boolean {
  return !job.isOpen && job.body === null;
}

/** Size of a job's record on the wire, headers included. */
export function recordBytes(job: Job): number {
  const { bodyBytes, wireBytes, value, keyText, headers } = job;
  return bodyBytes > 0 ? wireBytes : (value?.length ?? 0) + 2 * (keyText?.length ?? 0) + headerBytes(unpackHeaders(headers as CarriedHeaders));
}
