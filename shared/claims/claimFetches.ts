import { isMillraceError, MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ClaimV1 } from '../../schemas/millrace.Claim/payload.generated.ts';
import { MAX_PAYLOAD_BYTES, type LargePayloads } from './largePayloads.ts';
import { checkObjectName, digestOf } from './objectName.ts';

export interface ClaimFetchesOptions {
  readonly payloads: Pick<LargePayloads, 'store' | 'maxFetches' | 'maxFetchedBytes'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The verified bytes of an object. They count against the bound until they are released; releasing again does nothing. */
export interface FetchedClaim {
  readonly bytes: Buffer;
  release(): void;
}

/** After so long without an answer the store counts as away. */
const ANSWER_WITHIN_MS = 60_000;
const FIRST_PROBE_MS = 500;
const LONGEST_PROBE_MS = 5000;
/** How often holders are asked to give back what they do not use, while others wait for room. */
const RECLAIM_EVERY_MS = 1000;
const READ_AGAIN_MS = 250;

/**
 * Reads the objects of large payloads, for all queues of a worker: so many at once, so many bytes held at once, first come, first served. When the
 * store does not answer, everybody is told so at once; from then on one asks it, ever more seldom, until it answers.
 */
export class ClaimFetches {
  readonly #options: ClaimFetchesOptions;
  readonly #waiting: { readonly bytes: number; readonly admit: () => void }[] = [];
  readonly #holders = new Set<() => void>();
  #fetching = 0;
  #heldBytes = 0;
  #held = 0;
  #away: { readonly error: MillraceError; readonly sinceMs: number; probeAtMs: number } | null = null;
  #probing = false;
  #cancelReclaim: (() => void) | null = null;

  constructor(options: ClaimFetchesOptions) {
    this.#options = options;
  }

  /** @param reclaim called while somebody waits for room: releases what its holder does not use. @returns ends that */
  onPressure(reclaim: () => void): () => void {
    this.#holders.add(reclaim);
    return () => { this.#holders.delete(reclaim); };
  }

  /** Since when the store does not answer, as ms from now; null: it does. */
  get awayForMs(): number | null {
    return this.#away === null ? null : this.#options.clock.monotonic() - this.#away.sinceMs;
  }

  /**
   * @throws MillraceError CLAIM_STORE_UNAVAILABLE, CLAIM_STORE_REFUSED: an outage, whoever has to mend it. CLAIM_MISSING: there is no such object now.
   *   CLAIM_MISMATCH: it is another, also when read again. CLAIM_INVALID: not a claim that can be followed
   */
  async fetch(claim: ClaimV1): Promise<FetchedClaim> {
    checkObjectName(claim.object);
    if (claim.size < 0 || claim.size > MAX_PAYLOAD_BYTES) throw new MillraceError('CLAIM_INVALID', { at: 'size', expected: `at most ${MAX_PAYLOAD_BYTES} bytes`, got: claim.size });
    const probes = this.#mustBeThere();
    if (probes) this.#probing = true;
    try {
      await this.#admit(claim.size);
      try {
        if (!probes) this.#mustBeThere();
        const bytes = await this.#read(claim);
        let released = false;
        return {
          bytes,
          release: () => {
            if (!released) this.#release(claim.size);
            released = true;
          },
        };
      } catch (error) {
        this.#release(claim.size);
        throw error;
      } finally {
        this.#fetching -= 1;
        this.#admitNext();
      }
    } finally {
      if (probes) this.#probing = false;
    }
  }

  close(): void {
    this.#cancelReclaim?.();
    this.#cancelReclaim = null;
  }

  /** @returns whether this one is to find out if the store is back */
  #mustBeThere(): boolean {
    if (this.#away === null) return false;
    if (this.#probing || this.#options.clock.monotonic() < this.#away.probeAtMs) throw this.#away.error;
    return true;
  }

  #admit(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#take(bytes);
      return undefined;
    }
    const admitted = new Promise<void>((admit) => { this.#waiting.push({ bytes, admit }); });
    this.#reclaimLater();
    return admitted;
  }

  #fits(bytes: number): boolean {
    const { maxFetches, maxFetchedBytes } = this.#options.payloads;
    return this.#fetching < maxFetches && (this.#held === 0 || this.#heldBytes + bytes <= maxFetchedBytes);
  }

  #take(bytes: number): void {
    this.#fetching += 1;
    this.#held += 1;
    this.#heldBytes += bytes;
  }

  #release(bytes: number): void {
    this.#held -= 1;
    this.#heldBytes -= bytes;
    this.#admitNext();
  }

  #admitNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.bytes);
      next.admit();
    }
  }

  #reclaimLater(): void {
    this.#cancelReclaim ??= this.#options.clock.after(RECLAIM_EVERY_MS, () => {
      this.#cancelReclaim = null;
      for (const reclaim of this.#holders) reclaim();
      if (this.#waiting.length > 0) this.#reclaimLater();
    });
  }

  async #read({ object, size, sha256 }: ClaimV1): Promise<Buffer> {
    for (let tries = 1; ; tries += 1) {
      try {
        const bytes = await this.#get(object, size);
        if (bytes.length === size && (await digestOf(bytes)).equals(sha256)) return bytes;
        throw new MillraceError('CLAIM_MISMATCH', { at: object, expected: `${size} bytes of SHA-256 ${sha256.toString('hex')}`, got: `${bytes.length} bytes` });
      } catch (error) {
        // A disk or a proxy on the way may have been wrong once.
        if (!isMillraceError(error, 'CLAIM_MISMATCH') || tries > 1) throw error;
        await sleep(this.#options.clock, READ_AGAIN_MS);
      }
    }
  }

  async #get(object: string, mostBytes: number): Promise<Buffer> {
    const { clock, logger, payloads: { store } } = this.#options;
    let bytes: Buffer | null;
    try {
      bytes = await this.#inTime(store.get(object, mostBytes), object);
    } catch (cause) {
      // It did answer.
      if (isMillraceError(cause, 'CLAIM_MISMATCH') || isMillraceError(cause, 'CLAIM_INVALID')) throw cause;
      const error = isMillraceError(cause) ? cause : new MillraceError('CLAIM_STORE_UNAVAILABLE', { at: object, got: cause, cause });
      const now = clock.monotonic();
      if (this.#away === null) logger.warn({ err: error }, 'the store of large payloads does not answer; jobs that need it wait');
      const sinceMs = this.#away?.sinceMs ?? now;
      this.#away = { error, sinceMs, probeAtMs: now + Math.min(LONGEST_PROBE_MS, Math.max(FIRST_PROBE_MS, now - sinceMs)) };
      throw error;
    }
    if (this.#away !== null) logger.info({ awayMs: this.awayForMs }, 'the store of large payloads answers again');
    this.#away = null;
    if (bytes === null) throw new MillraceError('CLAIM_MISSING', { at: object });
    return bytes;
  }

  #inTime<T>(work: Promise<T>, object: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(ANSWER_WITHIN_MS, () => {
        reject(new MillraceError('CLAIM_STORE_UNAVAILABLE', { at: object, expected: `an answer within ${ANSWER_WITHIN_MS} ms` }));
      });
      work.then(resolve, reject).finally(cancel);
    });
  }
}
