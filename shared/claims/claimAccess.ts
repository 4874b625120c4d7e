import { createCodec, createReader } from '../avro/codec.ts';
import type { Registry } from '../avro/registry.ts';
import { readSchemaId } from '../avro/wireFormat.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { claimV1 } from '../../schemas/millrace.Claim/payload.generated.ts';
import { ClaimFetches } from './claimFetches.ts';
import { createClaimWriter } from './claimWriter.ts';
import type { LargePayloads } from './largePayloads.ts';

export interface ClaimAccessOptions {
  /** Null: this process was told of no store. */
  readonly payloads: LargePayloads | null;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Large payloads as operators' tools see them, which have the values of records in hand, and no worker. */
export interface ClaimAccess {
  /**
   * The value that a job's payload is written in: the record's own, or, where that is a claim, what the claim stands for, verified.
   * @throws MillraceError CLAIM_NO_STORE; CLAIM_* as {@link ClaimFetches.fetch}; WIRE_*, SCHEMA_UNKNOWN, SCHEMA_INVALID, AVRO_*, REGISTRY_UNAVAILABLE
   */
  follow(value: Buffer | null): Promise<Buffer>;
  /** The value to put into a record: itself, or, of a large one, its claim. Without a store, itself: Kafka refuses what is too large. @throws MillraceError as `ClaimWriter.put` */
  wrap(queue: string, value: Buffer): Promise<Buffer>;
  /** Leaves the store open. */
  close(): void;
}

/** Does no I/O yet. */
export function createClaimAccess({ payloads, registry, clock, logger }: ClaimAccessOptions): ClaimAccess {
  const codec = createCodec({ registry, clock });
  const reader = createReader(claimV1);
  const fetches = payloads === null ? null : new ClaimFetches({ payloads, clock, logger });
  const writer = payloads === null ? null : createClaimWriter({ payloads, codec, clock });
  return {
    async follow(value) {
      const schemaId = readSchemaId(value);
      const own = value as Buffer; // readSchemaId has refused null.
      if (!codec.knows(schemaId)) await codec.load(schemaId);
      if (codec.writerName(schemaId) !== claimV1.subject) return own;
      const claim = codec.decode(own, reader);
      if (fetches === null) throw new MillraceError('CLAIM_NO_STORE', { at: claim.object, expected: 'the store that the job\'s payload lies in', got: 'none', fix: 'Set MILLRACE_CLAIMS_FOLDER or MILLRACE_CLAIMS_BUCKET, as its workers have it' });
      const fetched = await fetches.fetch(claim);
      fetched.release();
      return fetched.bytes;
    },
    wrap: async (queue, value) => (writer === null ? value : writer.wrap(queue, value)),
    close: () => { fetches?.close(); },
  };
}
