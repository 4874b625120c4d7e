import { createHash } from 'node:crypto';
import { MillraceError } from '../errors/MillraceError.ts';

const DAY_MS = 86_400_000;
/** A queue's name is as long as Kafka's are: a longer one would be a store's failure, and that counts as an outage of the store. */
const NAME = /^[A-Za-z0-9._-]{1,249}\/(\d{4}-\d{2}-\d{2})\/[0-9a-f]{64}$/;

/**
 * `<queue>/<day>/<sha256>`: what is put twice is one object, and a day's objects have one prefix, which a bucket's lifecycle rules or
 * {@link ClaimStore.expire} can remove.
 */
export function objectName(queue: string, sha256: Buffer, nowMs: number): string {
  return `${queue}/${new Date(nowMs).toISOString().slice(0, 10)}/${sha256.toString('hex')}`;
}

export function sha256Of(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Above, hashing goes to another thread: it would hold up everybody else for milliseconds. */
const HASHED_HERE_BYTES = 1024 * 1024;

/** As {@link sha256Of}, without holding up the event loop. */
export async function digestOf(bytes: Buffer): Promise<Buffer> {
  if (bytes.length <= HASHED_HERE_BYTES) return sha256Of(bytes);
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Buffer<ArrayBuffer>));
}

/** The hash that an object's name ends with. */
export function hashInName(object: string): Buffer {
  return Buffer.from(object.slice(object.lastIndexOf('/') + 1), 'hex');
}

/** A claim may come from anybody: its object's name must not lead out of the store. @throws MillraceError CLAIM_INVALID */
export function checkObjectName(object: string): void {
  const day = NAME.exec(object)?.[1];
  if (day !== undefined && !object.split('/').includes('..') && !Number.isNaN(Date.parse(day))) return;
  throw new MillraceError('CLAIM_INVALID', { at: 'object', expected: '<queue>/<day>/<sha256>', got: object });
}

/** A day is over at its end. */
export function isDayOver(day: string, olderThanMs: number, nowMs: number): boolean {
  const startMs = Date.parse(day);
  return !Number.isNaN(startMs) && startMs + DAY_MS + olderThanMs <= nowMs;
}
