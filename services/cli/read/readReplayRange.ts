import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { OffsetRange, ReplayRange } from '../../../shared/replay/replayRange.ts';
import { readTime } from './readTime.ts';

/** Options that say which part of its history a queue runs again. */
export interface RangeOptions {
  readonly name?: string;
  readonly from?: string;
  readonly to?: string;
  readonly offsets?: ReadonlyMap<number, OffsetRange>;
  readonly all?: boolean;
}

/**
 * What of a replay's options says what is to run; nothing, where one may go on under its name.
 * @throws MillraceError BAD_USAGE: a range and --all, or neither and no name
 */
export function readReplayRange({ name, from, to, offsets, all }: RangeOptions, nowMs: number): { readonly range?: ReplayRange; readonly all?: true } {
  const expected = 'a range (--from, --to or --offsets), or --all; or the --name of a replay that goes on';
  const isRange = from !== undefined || to !== undefined || offsets !== undefined;
  if (isRange && all === true) throw new MillraceError('BAD_USAGE', { at: '--all', expected: 'a range (--from, --to or --offsets), or --all', got: 'both' });
  if (all === true) return { all };
  if (isRange) {
    return {
      range: {
        ...(from === undefined ? {} : { from: readTime('--from', from, nowMs) }), ...(to === undefined ? {} : { to: readTime('--to', to, nowMs) }),
        ...(offsets === undefined ? {} : { offsets }),
      },
    };
  }
  if (name === undefined) throw new MillraceError('BAD_USAGE', { at: '--from', expected, got: 'neither' });
  return {};
}
