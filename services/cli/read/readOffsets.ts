import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { OffsetRange } from '../../../shared/replay/replayRange.ts';

/** "3:100-200" (before 200), "3:100-", "3:-200", "3:": offsets of one partition. Collects what comes several times. @throws MillraceError BAD_USAGE */
export function collectOffsets(text: string, before: ReadonlyMap<number, OffsetRange> | undefined): Map<number, OffsetRange> {
  const match = /^(\d{1,6}):(?:(\d{1,15})?-(\d{1,15})?)?$/.exec(text);
  if (match === null) throw new MillraceError('BAD_USAGE', { at: '--offsets', expected: 'partition:first-last+1, such as "3:100-200", "3:100-" or "3:"', got: text });
  const [, partition, from, to] = match;
  if (before?.has(Number(partition)) === true) throw new MillraceError('BAD_USAGE', { at: '--offsets', expected: 'one range of each partition', got: `a second one of partition ${partition ?? ''}: ${text}` });
  return new Map([...(before ?? []), [Number(partition), { ...(from === undefined ? {} : { from: Number(from) }), ...(to === undefined ? {} : { to: Number(to) }) }]]);
}
