import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { compileFastRead } from './compileFastRead.ts';
import type { Registry } from './registry.ts';
import { createSchemaCache } from './schemaCache.ts';
import { HEADER_BYTES, readSchemaId } from './wireFormat.ts';

/** A payload as its writer wrote it, whoever that was: for showing and searching, not for handlers, which read it in their own shape. */
export interface PlainPayload {
  /** Full name of the writer's schema. */
  readonly schemaName: string;
  readonly payload: unknown;
}

/** Decodes payloads of any kind by their writer's schema. `load` what is not known, then `decode`, as with `Codec`. */
export interface PlainDecoder {
  knows(schemaId: number): boolean;
  /** @throws MillraceError REGISTRY_UNAVAILABLE (retriable) */
  load(schemaId: number): Promise<void>;
  /** @throws MillraceError as `Codec.decode` */
  decode(value: Buffer | null): PlainPayload;
}

export function createPlainDecoder({ registry, clock }: { readonly registry: Pick<Registry, 'schemaById'>; readonly clock: Clock }): PlainDecoder {
  const cache = createSchemaCache({ fetchSchema: (id) => registry.schemaById(id), clock });
  return {
    knows: (schemaId) => cache.knows(schemaId),
    load: (schemaId) => cache.load(schemaId),
    decode(value) {
      const schema = cache.get(readSchemaId(value));
      const bytes = value as Buffer; // readSchemaId has refused null.
      if (schema.plain === undefined) schema.plain = compileFastRead(schema.type, schema.type);
      const payload = schema.plain?.(bytes, HEADER_BYTES);
      if (payload !== undefined) return { schemaName: schema.name, payload };
      schema.guard(bytes, HEADER_BYTES);
      const decoded: { value: unknown; offset: number } = schema.type.decode(bytes, HEADER_BYTES);
      if (decoded.offset !== bytes.length) throw new MillraceError('AVRO_TRAILING', { at: schema.name });
      return { schemaName: schema.name, payload: decoded.value };
    },
  };
}
