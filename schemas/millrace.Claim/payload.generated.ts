// Written by `npm run schemas:generate` from the .avsc files beside it. Do not edit.
import type { AvroSchema, PayloadSchema } from '../payloadSchema.ts';

/** Stands in a record for a payload that was too large for one: the object holds the value that the record would have had, wire format and all. */
export interface ClaimV1 {
  /** The object's name in the claim store. */
  readonly object: string;
  /** Bytes of the object. */
  readonly size: number;
  /** Of the object's bytes. */
  readonly sha256: Buffer;
}

const schemaV1: AvroSchema = {"type":"record","name":"Claim","namespace":"millrace","doc":"Stands in a record for a payload that was too large for one: the object holds the value that the record would have had, wire format and all.","fields":[{"name":"object","type":"string","doc":"The object's name in the claim store."},{"name":"size","type":"long","doc":"Bytes of the object."},{"name":"sha256","type":{"type":"fixed","name":"Sha256","size":32},"doc":"Of the object's bytes."}]};
const versions: readonly AvroSchema[] = [schemaV1];

export const claimV1: PayloadSchema<ClaimV1> = { subject: 'millrace.Claim', version: 1, versions };
