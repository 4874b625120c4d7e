import { bodyOf, deliveryId, matches, type Completion } from './completion.ts';
import type { Subscription } from './subscription.ts';

/** One end to be told to one subscriber. */
export interface Delivery {
  /** The same for the same end and subscription, however often it is made. */
  readonly id: string;
  readonly subscription: string;
  readonly body: string;
}

const MOST_DELIVERIES = 1000;
const MOST_BODY_CHARS = 4 * 1024 * 1024;

/**
 * What is to be told of ends, in slices that are made when they are asked for: a fetch of events may hold thousands of ends, and each may have a thousand
 * subscribers. A body is made once an end.
 */
export function* fanOut(completions: readonly Completion[], subscriptions: readonly Subscription[]): Generator<Delivery[], void, undefined> {
  let slice: Delivery[] = [];
  let chars = 0;
  for (const completion of completions) {
    let body: string | null = null;
    for (const subscription of subscriptions) {
      if (!matches(subscription, completion)) continue;
      body ??= bodyOf(completion);
      slice.push({ id: deliveryId(subscription.id, completion), subscription: subscription.id, body });
      chars += body.length;
      if (slice.length < MOST_DELIVERIES && chars < MOST_BODY_CHARS) continue;
      yield slice;
      [slice, chars] = [[], 0];
    }
  }
  if (slice.length > 0) yield slice;
}
