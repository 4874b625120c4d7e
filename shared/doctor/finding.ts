/** `fail`: something does not work, or promises are off; `warn`: it may come to that. */
export type Level = 'ok' | 'warn' | 'fail';

/** One line of a diagnosis. */
export interface Finding {
  /** What was looked at: `kafka`, `queue billing: topics`. */
  readonly check: string;
  readonly level: Level;
  readonly says: string;
  /** What to do; null where nothing is to be done. */
  readonly fix: string | null;
}

export function ok(check: string, says: string): Finding {
  return { check, level: 'ok', says, fix: null };
}

export function trouble(check: string, level: 'warn' | 'fail', says: string, fix: string): Finding {
  return { check, level, says, fix };
}
