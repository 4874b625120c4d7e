import { MillraceError } from '../errors/MillraceError.ts';

/** A time span as text: `"250ms"`, `"30s"`, `"1h30m"`, `"7d"`. Units: ms, s, m, h, d, w. A bare number is refused: it hides its unit. */
export type Duration = string;

/** No job waits longer: what lies further away is taken for a mistake of units. */
export const LONGEST_WAIT_MS = 366 * 86_400_000;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/gy;

/** Milliseconds of a {@link Duration}. `at` names the setting in the error. @throws MillraceError BAD_DURATION */
export function parseDuration(value: Duration, at?: string): number {
  const refuse = (): never => {
    throw new MillraceError('BAD_DURATION', {
      expected: 'text such as "250ms", "30s" or "1h30m"',
      got: value,
      ...(at === undefined ? {} : { at }),
      ...(typeof value === 'number' ? { fix: `Write the unit: "${String(value)}ms" or "${String(value)}s"` } : {}),
    });
  };
  if (typeof value !== 'string' || value === '') return refuse();
  let total = 0;
  part.lastIndex = 0;
  let end = 0;
  for (let match = part.exec(value); match !== null; match = part.exec(value)) {
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? NaN);
    end = part.lastIndex;
  }
  return end === value.length && Number.isFinite(total) ? total : refuse();
}
