import type { Codec, Writer } from '../avro/codec.ts';
import type { Clock } from '../runtime/clock.ts';
import { claimV1, type ClaimV1 } from '../../schemas/millrace.Claim/payload.generated.ts';
import type { LargePayloads } from './largePayloads.ts';
import { limitParallel } from './limitParallel.ts';
import { digestOf, objectName } from './objectName.ts';

export interface ClaimWriterOptions {
  readonly payloads: Pick<LargePayloads, 'store' | 'overBytes'>;
  readonly codec: Pick<Codec, 'register' | 'encode'>;
  readonly clock: Clock;
}

/** Puts large values aside, for whoever writes jobs to Kafka. */
export interface ClaimWriter {
  /** Registers the schema of claims; else the first `put` does. @throws MillraceError REGISTRY_UNAVAILABLE, SCHEMA_INCOMPATIBLE */
  prepare(): Promise<void>;
  isLarge(value: Buffer): boolean;
  /**
   * Puts the value into the store, and resolves, when it would outlive a crash, with the claim to send in its place. Tried again, it does no harm.
   * @throws MillraceError CLAIM_STORE_UNAVAILABLE, REGISTRY_UNAVAILABLE (try again); CLAIM_STORE_REFUSED, SCHEMA_INCOMPATIBLE
   */
  put(queue: string, value: Buffer): Promise<Buffer>;
  /** The value itself, or, of a large one, its claim. */
  wrap(queue: string, value: Buffer): Promise<Buffer>;
}

const PUTS_AT_ONCE = 32;

/** Does no I/O yet. */
export function createClaimWriter({ payloads: { store, overBytes }, codec, clock }: ClaimWriterOptions): ClaimWriter {
  const limited = limitParallel(PUTS_AT_ONCE);
  let registering: Promise<Writer<ClaimV1>> | null = null;

  const writer = (): Promise<Writer<ClaimV1>> => {
    registering ??= codec.register(claimV1).catch((error: unknown) => {
      registering = null;
      throw error;
    });
    return registering;
  };
  const isLarge = (value: Buffer): boolean => value.length > overBytes;
  const put = (queue: string, value: Buffer): Promise<Buffer> => limited(async () => {
    const [writes, sha256] = await Promise.all([writer(), digestOf(value)]);
    const object = objectName(queue, sha256, clock.now());
    await store.put(object, value);
    return codec.encode({ object, size: value.length, sha256 }, writes);
  });
  return { prepare: async () => { await writer(); }, isLarge, put, wrap: async (queue, value) => (isLarge(value) ? put(queue, value) : value) };
}
