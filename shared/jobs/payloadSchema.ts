/**
 * A payload's Avro schema together with the TypeScript type that it stands for. The constants that
 * `schemas/<subject>/payload.generated.ts` exports have this shape; `defineJob({ schema })` reads the payload type from it.
 *
 * `payloadType` exists only for the compiler: it ties `P` to the constant, and no value ever carries it. It is a plain
 * optional property (no symbol), so that schemas need to import nothing from here.
 */
export interface PayloadSchema<P> {
  /** Full name of the Avro record, namespace included: `com.example.OrderCharged`. Also the subject in the registry. */
  readonly name: string;
  /** The newest version, parsed: what this program writes and what its handlers receive. */
  readonly avsc: object;
  /** Every version, oldest first, the last equal to {@link avsc}. Left out: there is one. */
  readonly versions?: readonly object[];
  readonly payloadType?: P;
}
