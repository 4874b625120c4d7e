import { createHash } from 'node:crypto';
import type { EventFact } from '../status/fact.ts';
import type { EndState, Subscription } from './subscription.ts';
import { WEBHOOK_KIND } from './webhookJob.ts';

/** A job that is over. */
export interface Completion {
  readonly queue: string;
  readonly partition: number;
  /** Offset of its main record. */
  readonly place: number;
  readonly state: EndState;
  readonly fact: EventFact;
}

/** What an event says of a job's end; null: nothing. A double that was dropped is none: the first of its id is told of. */
export function readCompletion(queue: string, fact: EventFact): Completion | null {
  const state = stateOf(fact.event);
  return state === null ? null : { queue, partition: fact.partition, place: fact.place, state, fact };
}

function stateOf(event: string): EndState | null {
  switch (event) {
    case 'done':
      return 'done';
    case 'buried':
      return 'dead';
    case 'discarded':
    case 'cancelled':
      return 'cancelled';
    default:
      return null;
  }
}

/** Workers' clocks may be a little behind the database's. */
const CLOCK_SLACK_MS = 2000;

/** Of deliveries nobody is told, those of another set of subscriptions included: two sets would tell one another without end. */
export function matches({ queues, kinds, states, createdMs, disabledMs }: Subscription, { queue, state, fact }: Completion): boolean {
  const covers = (wanted: readonly string[], got: string): boolean => wanted.length === 0 || wanted.includes(got);
  return disabledMs === null && fact.kind !== WEBHOOK_KIND && fact.atMs >= createdMs - CLOCK_SLACK_MS && covers(queues, queue) && covers(kinds, fact.kind ?? '') && covers(states, state);
}

/**
 * The same for one end of one job, however often it is read: a job is done or cancelled once, but may be buried again after a redrive, which its time
 * tells. Names nothing to the receiver.
 */
export function deliveryId(subscription: string, { queue, partition, place, state, fact }: Completion): string {
  const parts = [subscription, queue, partition, place, fact.id, state, state === 'dead' ? fact.atMs : 0];
  return `wh_${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 32)}`;
}

/** The farthest that a Date reaches. */
const LATEST_DATE_MS = 8.64e15;

/** What is posted: type, timestamp and data, as Standard Webhooks advises. */
export function bodyOf({ queue, partition, place, state, fact }: Completion): string {
  const { id, kind, key, attempt, atMs, reason, error, note } = fact;
  return JSON.stringify({
    type: `job.${state}`,
    timestamp: new Date(Math.max(-LATEST_DATE_MS, Math.min(LATEST_DATE_MS, atMs))).toISOString(),
    data: { id, kind, queue, key, state, reason, attempts: attempt, error, note, result: readResult(fact.result), place: `${queue}/${partition}/${place}` },
  });
}

/** An event's result is JSON; what a strange producer of events made of it is text. */
function readResult(result: string | null): unknown {
  if (result === null) return null;
  try {
    return JSON.parse(result) as unknown;
  } catch {
    return result;
  }
}
