import type { Command } from 'commander';
import type { DeadSelection } from '../../../shared/commands/deadSelection.ts';
import { collect, readWhole } from './readNumber.ts';
import { readTime } from './readTime.ts';

/** Options that say which dead jobs are meant. */
export interface DeadOptions {
  readonly id?: readonly string[];
  readonly kind?: string;
  readonly error?: string;
  readonly fingerprint?: string;
  readonly key?: readonly string[];
  readonly tag?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly max?: number;
}

export function declareDeadOptions(command: Command): void {
  command
    .option('--id <id>', 'this job; several times for several', collect)
    .option('--kind <kind>', 'of this kind')
    .option('--error <code>', 'buried with this error code')
    .option('--fingerprint <text>', 'buried with this error, as `dead list` shows it')
    .option('--key <key>', 'of this entity; several times for several', collect)
    .option('--tag <tag>', 'bears this tag (asks the status service); several times for any of several', collect)
    .option('--from <time>', 'buried at or after: RFC 3339, or how long ago ("2h")')
    .option('--to <time>', 'buried before')
    .option('--max <n>', 'no more than so many', readWhole('--max', 1, 1_000_000_000));
}

/** @throws MillraceError BAD_USAGE */
export function readDeadOptions({ id, kind, error, fingerprint, key, tag, from, to, max }: DeadOptions, nowMs: number): DeadSelection {
  return {
    ...(id === undefined ? {} : { ids: id }),
    ...(kind === undefined ? {} : { kind }),
    ...(error === undefined ? {} : { errorCode: error }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(key === undefined ? {} : { keys: key }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(from === undefined ? {} : { from: readTime('--from', from, nowMs) }),
    ...(to === undefined ? {} : { to: readTime('--to', to, nowMs) }),
    ...(max === undefined ? {} : { max }),
  };
}
