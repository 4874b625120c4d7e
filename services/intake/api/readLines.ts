import type { Readable } from 'node:stream';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';

/** One line: its bytes without the line feed, or null where it was longer than allowed (its bytes were let go as they came). */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer | null;
}

export interface LineLimits {
  readonly maxLineBytes: number;
  /** A sender that is silent for so long while it is listened to is given up. */
  readonly idleMs: number;
  readonly clock: Clock;
}

const LINE_FEED = 0x0a;

/**
 * The lines of a stream, one after the other, as they are asked for: what nobody asks for stays with the sender. Blank lines are left out, but
 * count. @throws MillraceError REQUEST_TIMEOUT
 */
export async function* readLines(stream: Readable, { maxLineBytes, idleMs, clock }: LineLimits): AsyncGenerator<Line, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 1;
  const take = (): Line => {
    const line = { number, bytes: bytes > maxLineBytes ? null : Buffer.concat(parts) };
    parts = [];
    bytes = 0;
    number += 1;
    return line;
  };
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes <= maxLineBytes) parts.push(part);
    else parts = [];
  };
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  for (;;) {
    const came = await within(chunks.next(), idleMs, clock);
    if (came.done === true) break;
    const chunk = came.value;
    for (let start = 0; start <= chunk.length;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) {
        // A copy: a short rest shall not keep the whole chunk alive.
        if (start < chunk.length) add(Buffer.from(chunk.subarray(start)));
        break;
      }
      add(chunk.subarray(start, end));
      const line = take();
      if (!isBlank(line)) yield line;
      start = end + 1;
    }
  }
  if (bytes > 0) {
    const line = take();
    if (!isBlank(line)) yield line;
  }
}

function isBlank({ bytes }: Line): boolean {
  return bytes !== null && bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T> {
  let cancel = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => { cancel = clock.after(ms, () => { reject(new MillraceError('REQUEST_TIMEOUT', { expected: `something at least every ${ms} ms`, got: 'nothing' })); }); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
