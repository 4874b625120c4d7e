import type { History } from '../history.ts';

/** One promise of millrace, as something that a history can be held to. */
export interface Guarantee {
  readonly name: string;
  /** The anomalies that cannot occur where it holds. */
  readonly rulesOut: readonly string[];
  /** One line for each violation; pure. */
  check(this: void, history: History): string[];
}

/** What a scenario runs against: the promises it is held to, and those it gives up, each with the reason. */
export interface Terms {
  readonly held: readonly Guarantee[];
  readonly givenUp: readonly { readonly promise: Guarantee; readonly because: string }[];
}

/** All violations of a history, named by their promise; at most `most` of each. */
export function findViolations({ held }: Terms, history: History, most = 5): string[] {
  return held.flatMap(({ name, check }) => {
    const found = check(history);
    const shown = found.slice(0, most).map((violation) => `${name}: ${violation}`);
    return found.length > most ? [...shown, `${name}: and ${found.length - most} more`] : shown;
  });
}
