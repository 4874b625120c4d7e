import type { Job } from './job.ts';

/** Up to here a loop beats the call into native code. */
const SHORT_BYTES = 24;

/** Bytes of the job's key; −1: it has none. The key itself may have to be made anew at each look. */
export function keyLength({ ownKey, lane }: Job): number {
  return ownKey?.length ?? lane.key?.length ?? -1;
}

/** Writes the first `length` bytes of the job's key at `at`; there are as many, and there is room. */
export function copyKey({ ownKey, lane }: Job, length: number, target: Buffer, at: number): void {
  if (ownKey === null) target.write(lane.key ?? '', at, length, 'latin1');
  else if (length > SHORT_BYTES) ownKey.copy(target, at, 0, length);
  else for (let i = 0; i < length; i++) target[at + i] = ownKey[i] as number;
}
