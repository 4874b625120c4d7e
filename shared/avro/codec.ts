import type { Type } from 'avsc';
import type { AvroSchema, PayloadSchema } from '../../schemas/payloadSchema.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Clock } from '../runtime/clock.ts';
import { compileFastCheck, compileFastRead, type FastCheck } from './compileFastRead.ts';
import { compileSchema } from './compileSchema.ts';
import { createEncodeSlab } from './encodeSlab.ts';
import { explainPayload, findBrokenText } from './explainPayload.ts';
import { compileGuard, type Guard } from './guardAvro.ts';
import { DEFAULT_LIMITS, MAX_WRITTEN_LONG } from './guardLimits.ts';
import type { RegisteredSchema, Registry } from './registry.ts';
import { createSchemaCache, type LoadedSchema, type Resolver, type Route } from './schemaCache.ts';
import { HEADER_BYTES, readSchemaId } from './wireFormat.ts';

/** The shape in which this process reads a subject: its own version of it, whatever version was written. */
export interface Reader<Payload> {
  readonly subject: string;
  readonly type: Type;
  readonly payload?: Payload;
}

/** The shape in which this process writes a subject, registered. */
export interface Writer<Payload> {
  readonly subject: string;
  readonly schemaId: number;
  readonly type: Type;
  /** Holds what is written to what every reader accepts. */
  readonly guard: Guard;
  /** Spares the guard where it would find nothing; null for types that it does not know. */
  readonly check: FastCheck | null;
  readonly payload?: Payload;
}

/**
 * Turns payloads into framed bytes and back. Decoding and encoding are synchronous; the registry is asked only by `load` and
 * `register`. The way of a record:
 *
 *     const id = readSchemaId(value);              // throws WIRE_*
 *     if (!codec.knows(id)) await codec.load(id);  // rejects only with REGISTRY_UNAVAILABLE: wait, try again
 *     const kind = codec.writerName(id);           // for a record without ce_type
 *     const payload = codec.decode(value, reader); // or throws what it is to be buried for
 */
export interface Codec {
  /** True when `decode` and `writerName` can judge this schema id now: it is loaded, or lately the registry did not know it. */
  knows(schemaId: number): boolean;
  /**
   * Fetches a schema; calls for the same id share one request. Resolves when the id is known, also as one that does not exist
   * (`decode` then throws SCHEMA_UNKNOWN; asked again after 2 s: somebody may just be registering it). @throws MillraceError REGISTRY_UNAVAILABLE (retriable)
   */
  load(schemaId: number): Promise<void>;
  /** Full name of the writer's type: the kind of a record that has no `ce_type`. @throws as `decode`, but for AVRO_* and WIRE_* */
  writerName(schemaId: number): string;
  /**
   * The payload in the reader's shape: fields that the writer did not know have their defaults, others are left out.
   * The bytes are checked before or while they are read (see `guardAvro.ts`, `compileFastRead.ts`), so no input can harm the
   * process. Strings and bytes are copies.
   * @throws MillraceError WIRE_EMPTY, WIRE_MAGIC, SCHEMA_UNKNOWN, SCHEMA_INVALID, AVRO_TRUNCATED, AVRO_TRAILING, AVRO_INVALID,
   *   AVRO_UNSAFE, AVRO_MISMATCH (writer and reader do not fit): permanent. SCHEMA_NOT_LOADED (retriable): call `load`.
   */
  decode<Payload>(value: Buffer | null, reader: Reader<Payload>): Payload;
  /**
   * Registers every version of the subject, oldest first, and returns the writer of this one. Call once at start.
   * @throws MillraceError REGISTRY_UNAVAILABLE, SCHEMA_INCOMPATIBLE, SCHEMA_INVALID
   */
  register<Payload>(schema: PayloadSchema<Payload>): Promise<Writer<Payload>>;
  /** The writer of a schema that is registered already, whoever did that. @throws MillraceError SCHEMA_INVALID */
  adopt(subject: string, registered: Pick<RegisteredSchema, 'id' | 'schema'>): Writer<unknown>;
  /**
   * The framed bytes, a view of a slab shared with its neighbours: they stay valid for ever, but keep up to 256 KB alive.
   * @throws MillraceError BAD_PAYLOAD naming the field; also for text with lone surrogates and longs beyond ±2^52, which would
   *   not arrive as they were.
   */
  encode<Payload>(payload: Payload, writer: Writer<Payload>): Buffer;
}

export interface CodecOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  /** How long an id that the registry did not know is not asked for again. Default 2 s. */
  readonly unknownForMs?: number;
  /** Schemas kept; the least used make room. */
  readonly maxSchemas?: number;
}

const REPLACEMENT = Buffer.from('\ufffd');

/** Compiles how to read a subject. @throws MillraceError SCHEMA_INVALID */
export function createReader<Payload>(schema: PayloadSchema<Payload>): Reader<Payload> {
  return { subject: schema.subject, type: compileVersion(schema, schema.version) };
}

/** Creates a codec; sends nothing yet. */
export function createCodec({ registry, clock, unknownForMs, maxSchemas }: CodecOptions): Codec {
  const cache = createSchemaCache({
    fetchSchema: (id) => registry.schemaById(id),
    clock,
    ...(unknownForMs === undefined ? {} : { unknownForMs }),
    ...(maxSchemas === undefined ? {} : { maxSchemas }),
  });
  const slab = createEncodeSlab();

  return {
    knows: (schemaId) => cache.knows(schemaId),
    load: (schemaId) => cache.load(schemaId),
    writerName: (schemaId) => cache.get(schemaId).name,

    decode<Payload>(value: Buffer | null, reader: Reader<Payload>): Payload {
      const schema = cache.get(readSchemaId(value));
      const { fast, resolver } = routeTo(schema, reader);
      const bytes = value as Buffer; // readSchemaId has refused null.
      const payload = fast?.(bytes, HEADER_BYTES);
      if (payload !== undefined) return payload as Payload;
      schema.guard(bytes, HEADER_BYTES);
      try {
        const decoded: { value: unknown; offset: number } = reader.type.decode(bytes, HEADER_BYTES, resolver);
        if (decoded.offset === bytes.length) return decoded.value as Payload;
      } catch (cause) {
        throw new MillraceError('AVRO_MISMATCH', { at: reader.subject, got: cause, cause });
      }
      throw new MillraceError('AVRO_MISMATCH', { at: reader.subject, expected: 'avsc to read what the guard has passed' });
    },

    async register<Payload>(schema: PayloadSchema<Payload>): Promise<Writer<Payload>> {
      let schemaId = -1;
      for (const [index, avro] of schema.versions.entries()) {
        const id = await registry.register(schema.subject, avro);
        cache.put(id, JSON.stringify(avro));
        if (index + 1 === schema.version) schemaId = id;
      }
      return createWriter(schema.subject, schemaId, compileVersion(schema, schema.version));
    },

    adopt: (subject, { id, schema }) => createWriter(subject, id, compileSchema(JSON.parse(schema) as AvroSchema, subject)),

    encode<Payload>(payload: Payload, writer: Writer<Payload>): Buffer {
      try {
        const value = slab.encode(writer.type, writer.schemaId, payload);
        if (writer.check?.(value, HEADER_BYTES) === true) return value;
        writer.guard(value, HEADER_BYTES);
        // avsc puts U+FFFD for a lone surrogate in a long text, which no guard can tell from one that was meant.
        if (!value.includes(REPLACEMENT) || findBrokenText(payload) === null) return value;
      } catch (cause) {
        throw explainPayload(payload, writer, cause);
      }
      throw explainPayload(payload, writer);
    },
  };
}

function createWriter<Payload>(subject: string, schemaId: number, type: Type): Writer<Payload> {
  return { subject, schemaId, type, guard: compileGuard(type, { ...DEFAULT_LIMITS, maxLong: MAX_WRITTEN_LONG }), check: compileFastCheck(type) };
}

function compileVersion(schema: PayloadSchema<unknown>, version: number): Type {
  const avro = schema.versions[version - 1];
  if (avro === undefined) throw new MillraceError('SCHEMA_INVALID', { at: schema.subject, expected: `a version from 1 to ${String(schema.versions.length)}`, got: version });
  return compileSchema(avro, `${schema.subject} v${String(version)}`);
}

/** The cached way from what was written to what is read; building one parses and generates code, so never twice. */
function routeTo(schema: LoadedSchema, reader: Reader<unknown>): Route {
  if (schema.reader === reader && schema.route !== undefined) return schema.route;
  let route = schema.routes.get(reader);
  if (route === undefined) {
    route = buildRoute(schema.type, reader);
    schema.routes.set(reader, route);
  }
  if (route instanceof MillraceError) throw route;
  schema.reader = reader;
  schema.route = route;
  return route;
}

function buildRoute(writer: Type, { type, subject }: Reader<unknown>): Route | MillraceError {
  let resolver: Resolver;
  try {
    resolver = type.createResolver(writer);
  } catch (cause) {
    return new MillraceError('AVRO_MISMATCH', { expected: `data that ${subject} can be read from`, got: cause, cause });
  }
  return { resolver, fast: compileFastRead(writer, type) };
}
