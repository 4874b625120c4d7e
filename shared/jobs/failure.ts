import { cutUtf8 } from './cutUtf8.ts';

const MAX_MESSAGE_BYTES = 2048;
const MAX_LABEL_BYTES = 128;

/** What went wrong, as it travels in `mr_error` and `mr_first_error` (stack traces stay in logs). */
export interface Failure {
  readonly code: string;
  readonly name: string;
  /** Cut at 2 KB. */
  readonly message: string;
  /** Epoch ms. */
  readonly at: number;
}

/**
 * A failure that can travel: its texts are cut, and half characters in them replaced, for Avro carries only whole ones. Every failure
 * is made here, whatever it was that failed.
 */
export function makeFailure({ code, name, message, at }: Failure): Failure {
  return { code: cutUtf8(code, MAX_LABEL_BYTES), name: cutUtf8(name, MAX_LABEL_BYTES), message: cutUtf8(message, MAX_MESSAGE_BYTES), at };
}
