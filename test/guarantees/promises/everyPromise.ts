import { attemptsBounded } from './attemptsBounded.ts';
import { boundedRepeats } from './boundedRepeats.ts';
import { commitsBehindSettled } from './commitsBehindSettled.ts';
import { deadLetterFidelity } from './deadLetterFidelity.ts';
import type { Guarantee, Terms } from './guarantee.ts';
import { keyOrder } from './keyOrder.ts';
import { noEarlyRetry } from './noEarlyRetry.ts';
import { noOverlap } from './noOverlap.ts';
import { nothingLost } from './nothingLost.ts';
import { risingFence } from './risingFence.ts';

/** What a strict, at-least-once kind is promised. */
export const everyPromise: readonly Guarantee[] = [
  nothingLost, keyOrder, noOverlap, boundedRepeats, attemptsBounded, noEarlyRetry, deadLetterFidelity, commitsBehindSettled, risingFence,
];

export const allKept: Terms = { held: everyPromise, givenUp: [] };

/** Every promise but those given up, and why; `instead`: what is promised in their place. */
export function givingUp(givenUp: Terms['givenUp'], instead: readonly Guarantee[] = []): Terms {
  const lost = new Set(givenUp.map(({ promise }) => promise));
  return { held: [...everyPromise.filter((promise) => !lost.has(promise)), ...instead], givenUp };
}
