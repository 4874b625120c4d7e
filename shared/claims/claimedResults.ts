import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ClaimStore } from './claimStore.ts';
import { MAX_PAYLOAD_BYTES } from './largePayloads.ts';
import { checkObjectName, digestOf, hashInName, objectName } from './objectName.ts';

export interface ClaimedResultsOptions {
  readonly store: ClaimStore;
  readonly clock: Clock;
}

/** Puts results aside that are too long for an event. */
export interface ClaimedResults {
  /** Resolves with the reference by which {@link readClaimedResult} finds it. One try. @throws MillraceError BAD_RESULT (too large); CLAIM_STORE_UNAVAILABLE, CLAIM_STORE_REFUSED */
  put(job: { readonly id: string; readonly queue: string }, json: string): Promise<string>;
}

export function createClaimedResults({ store, clock }: ClaimedResultsOptions): ClaimedResults {
  return {
    async put({ id, queue }, json) {
      const bytes = Buffer.from(json);
      if (bytes.length > MAX_PAYLOAD_BYTES) throw new MillraceError('BAD_RESULT', { at: `job ${id}`, expected: `at most ${MAX_PAYLOAD_BYTES} bytes of JSON`, got: bytes.length });
      const object = objectName(queue, await digestOf(bytes), clock.now());
      await store.put(object, bytes);
      return object;
    },
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
