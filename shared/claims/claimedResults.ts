import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ClaimStore } from './claimStore.ts';
import { MAX_PAYLOAD_BYTES } from './largePayloads.ts';
import { checkObjectName, digestOf, hashInName, objectName } from './objectName.ts';

export interface ClaimedResultsOptions {
  readonly store: ClaimStore;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
}

/** Puts results aside that are too long for an event. */
export interface ClaimedResults {
  /**
   * Resolves with the reference by which {@link readClaimedResult} finds it. Goes on trying while the store is away: the handler has done its work, and
   * would have to do it again. @throws MillraceError BAD_RESULT (too large); SHUTDOWN after {@link close}
   */
  put(job: { readonly id: string; readonly queue: string }, json: string): Promise<string>;
  close(): void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

export function createClaimedResults({ store, clock, random, logger }: ClaimedResultsOptions): ClaimedResults {
  let closed = false;
  return {
    async put({ id, queue }, json) {
      const bytes = Buffer.from(json);
      if (bytes.length > MAX_PAYLOAD_BYTES) throw new MillraceError('BAD_RESULT', { at: `job ${id}`, expected: `at most ${MAX_PAYLOAD_BYTES} bytes of JSON`, got: bytes.length });
      const object = objectName(queue, await digestOf(bytes), clock.now());
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
        try {
          await store.put(object, bytes);
          return object;
        } catch (error) {
          if (closed) throw new MillraceError('SHUTDOWN', { at: `result of job ${id}`, cause: error });
          logger.warn({ jobId: id, queue, code: isMillraceError(error) ? error.code : 'UNKNOWN', error: String(error) }, 'a large result cannot be stored yet; its job is done when it is');
        }
        await new Promise<void>((resolve) => { clock.after(waitMs * (0.5 + 0.5 * random()), resolve); });
      }
    },
    close() { closed = true; },
  };
}

/**
 * The result behind a reference (`{"$claim": "<reference>"}` on the event and in the status).
 * @throws MillraceError CLAIM_MISSING, CLAIM_MISMATCH, CLAIM_INVALID, CLAIM_STORE_UNAVAILABLE, CLAIM_STORE_REFUSED
 */
export async function readClaimedResult(store: ClaimStore, reference: string): Promise<unknown> {
  checkObjectName(reference);
  const bytes = await store.get(reference, MAX_PAYLOAD_BYTES);
  if (bytes === null) throw new MillraceError('CLAIM_MISSING', { at: reference });
  if (!(await digestOf(bytes)).equals(hashInName(reference))) throw new MillraceError('CLAIM_MISMATCH', { at: reference });
  return JSON.parse(bytes.toString()) as unknown;
}
