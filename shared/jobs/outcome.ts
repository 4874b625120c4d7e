import { MillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from './duration.ts';
import { makeFailure, type Failure } from './failure.ts';

/** Why a job is buried. On the wire as `mr_reason` of DLQ records. */
export type BuryReason =
  | 'dead' // the handler said so
  | 'permanent' // the handler threw an error that the policy buries
  | 'attempts' // every attempt failed
  | 'no-key' // its kind keeps order per entity, and the record has no key
  | 'empty' // null or empty value
  | 'wire' // not in the Confluent wire format
  | 'schema-unknown' // the registry does not know the schema id
  | 'undecodable' // the bytes are not what their schema says
  | 'unknown-kind' // no worker knew the kind for too long
  | 'too-large' // it should wait, but its copy would not fit the retry topic
  | 'claim-missing' // the object of its large payload was missing for too long
  | 'claim-mismatch'; // the object of its large payload is another than was enqueued

/** What one attempt says. Handlers return one of these, made by the functions below, or nothing, which means done. */
export type Outcome =
  /** `result`: JSON. */
  | { readonly type: 'done'; readonly result?: string }
  /** Failed; try again. `afterMs` overrides the policy's backoff. */
  | { readonly type: 'retry'; readonly afterMs: number | null; readonly failure: Failure | null }
  /** Come back later. Uses no attempt. `reason` says why it waits; `failure` what is missing, if it was not the handler's wish. */
  | { readonly type: 'snooze'; readonly forMs: number; readonly reason?: 'locked' | 'dependency-down' | 'claim-missing'; readonly failure?: Failure }
  | { readonly type: 'dead'; readonly reason: BuryReason; readonly failure: Failure | null };

/** The same in every copy of this module: an application may load millrace twice, built and from source, or in two versions. */
const made = Symbol.for('millrace.outcome');
const brand = <T extends Outcome>(outcome: T): T => Object.freeze(Object.defineProperty(outcome, made, { value: true }));

/** True for what {@link done}, {@link retry}, {@link snooze} and {@link dead} return; false for look-alikes. Never throws. */
export function isOutcome(value: unknown): value is Outcome {
  try {
    return typeof value === 'object' && value !== null && made in value;
  } catch {
    return false; // a Proxy may throw at any touch
  }
}

export const DONE: Outcome = brand({ type: 'done' });

/** The longest result, as JSON, that an event takes, bytes. */
export const MAX_RESULT_BYTES = 4096;

/**
 * The job is finished. Returning nothing says the same.
 * @param result what it gives back, for the status: anything that JSON can say, at most 4,096 bytes of it. A longer one goes where the worker's `storeResult` puts
 *   it; without one the job is buried for it (BAD_RESULT), for what it did cannot be told.
 * @throws MillraceError BAD_RESULT for what JSON cannot say
 */
export function done(result?: unknown): Outcome {
  if (result === undefined) return DONE;
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (cause) {
    throw new MillraceError('BAD_RESULT', { at: 'done(result)', expected: 'what JSON can say', got: cause, cause });
  }
  if (text === undefined) throw new MillraceError('BAD_RESULT', { at: 'done(result)', expected: 'what JSON can say', got: result });
  return brand({ type: 'done', result: text.toWellFormed() });
}

/** This attempt failed; try again after `after` (at most 366 days), or after the policy's backoff. Counts as an attempt. @throws BAD_DURATION */
export function retry(after?: Duration): Outcome {
  return brand({ type: 'retry', afterMs: after === undefined ? null : parseDuration(after, 'retry(after)'), failure: null });
}

/** Not now: run again after `time` (at most 366 days). Does not use an attempt. @throws BAD_DURATION */
export function snooze(time: Duration): Outcome {
  return brand({ type: 'snooze', forMs: parseDuration(time, 'snooze(for)') });
}

/**
 * A lock that the job needs is somebody else's: look again after `time` (at most 366 days). It waits for reason `locked`, without a slot, and does not
 * use an attempt. @throws BAD_DURATION
 */
export function locked(time: Duration): Outcome {
  return brand({ type: 'snooze', forMs: parseDuration(time, 'locked(for)'), reason: 'locked' });
}

/** Never again: bury the job in the dead-letter topic, with `reason` as the message that people will read. */
export function dead(reason: string): Outcome {
  return brand({ type: 'dead', reason: 'dead', failure: makeFailure({ code: 'DEAD', name: 'Dead', message: reason, at: 0 }) });
}
