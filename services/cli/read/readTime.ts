import { MillraceError, isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { parseDuration } from '../../../shared/jobs/duration.ts';
import { readTime as readRfc3339 } from '../../../shared/runtime/readTime.ts';

const EXPECTED = 'a time such as "2026-02-28T12:00:00Z", "now", or how long ago: "2h"';

/** A point in time: RFC 3339, `now`, or a duration that ends now ("2h" is two hours ago). @throws MillraceError BAD_USAGE */
export function readTime(option: string, text: string, nowMs: number): Date {
  if (text === 'now') return new Date(nowMs);
  const ms = readRfc3339(text);
  if (!Number.isNaN(ms)) return new Date(ms);
  const refuse = (cause: unknown): never => { throw new MillraceError('BAD_USAGE', { at: option, expected: EXPECTED, got: text, cause }); };
  let agoMs: number;
  try {
    agoMs = parseDuration(text);
  } catch (error) {
    if (!isMillraceError(error, 'BAD_DURATION')) throw error;
    return refuse(error);
  }
  const date = new Date(nowMs - agoMs);
  // RFC 3339 has no earlier years, nor has any service a use for them.
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() < 0 ? refuse(null) : date;
}
