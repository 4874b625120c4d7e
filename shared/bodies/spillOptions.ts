import { MillraceError } from '../errors/MillraceError.ts';
import { createSpillFile } from './spillFile.ts';
import type { OpenSpill } from './spillStore.ts';

/** Where bodies (values and headers) of waiting jobs go that memory has no room for. */
export interface SpillOptions {
  /** Folder on a fast local disk; several processes may share it. What is in it is worth nothing to anybody but the process that wrote it. */
  readonly folder?: string;
  /** Another place than a folder; tests have theirs. */
  readonly open?: OpenSpill;
  /** Waiting jobs of one queue keep so much in memory; what is beyond it goes there. Default 32 MiB. */
  readonly overBytes?: number;
  /** Most that one queue takes there; beyond it intake pauses as if there were no folder. Default 10 GiB. */
  readonly maxBytes?: number;
  /** What lies there is tidied when it takes so much, and four times what is wanted of it. Default 256 MiB. */
  readonly tidyFromBytes?: number;
}

export interface CompiledSpill {
  readonly open: OpenSpill;
  readonly overBytes: number;
  readonly tidyFromBytes: number | undefined;
}

const OVER_BYTES = 32 * 1024 * 1024;
const MAX_BYTES = 10 * 1024 * 1024 * 1024;

/** @throws MillraceError BAD_CONFIG */
export function compileSpill({ folder, open, overBytes = OVER_BYTES, maxBytes = MAX_BYTES, tidyFromBytes }: SpillOptions): CompiledSpill {
  if (open !== undefined) return { open, overBytes, tidyFromBytes };
  if (folder === undefined || folder === '') throw new MillraceError('BAD_CONFIG', { at: 'spill: folder', expected: 'a folder on a local disk', got: folder });
  return { open: createSpillFile({ folder, maxBytes }), overBytes, tidyFromBytes };
}
