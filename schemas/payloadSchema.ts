/** An Avro schema as parsed JSON: a type name, a union, or a definition. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly type: unknown; readonly [attribute: string]: unknown };

/**
 * One version of a subject, as code sees it: the schema itself is embedded, so nothing is read from disk at runtime.
 * Written by `npm run schemas:generate` into `payload.generated.ts`, never by hand.
 */
export interface PayloadSchema<Payload> {
  /** Full name of the record, which is also its subject in the registry (RecordNameStrategy). */
  readonly subject: string;
  /** 1 for `v1.avsc`. The registry counts its own versions; this is the file's number. */
  readonly version: number;
  /** Every version of the subject, oldest first: `versions[version - 1]` is this one. All are registered, in this order. */
  readonly versions: readonly AvroSchema[];
  /** Never set: it only carries the type. */
  readonly payload?: Payload;
}
