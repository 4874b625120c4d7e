import fc from 'fast-check';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';

/** A schema, and values that fit it. */
export interface SchemaCase {
  readonly schema: AvroSchema;
  readonly value: fc.Arbitrary<unknown>;
}

const wellFormed = fc.string({ unit: 'binary', maxLength: 150 });
const long = fc.oneof(fc.maxSafeInteger().filter((n) => Math.abs(n) < 2 ** 52), fc.integer());

const primitives: readonly SchemaCase[] = [
  { schema: 'null', value: fc.constant(null) },
  { schema: 'boolean', value: fc.boolean() },
  { schema: 'int', value: fc.integer() },
  { schema: 'long', value: long },
  { schema: 'float', value: fc.float() },
  { schema: 'double', value: fc.double() },
  { schema: 'bytes', value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { schema: 'string', value: wellFormed },
];

/** Schemas of every kind of type, nested up to `depth`, without recursion. */
export function arbitrarySchema(depth = 3): fc.Arbitrary<SchemaCase> {
  return nestedSchema(depth).map(({ schema, value }) => ({ schema: withOwnNames(schema), value }));
}

/** Gives every named type a name of its own: one arbitrary is used at many places of a tree. */
function withOwnNames(schema: AvroSchema): AvroSchema {
  let names = 0;
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => (key === 'name' && value === '' ? `N${String(names++)}` : value)) as AvroSchema;
}

function nestedSchema(depth: number): fc.Arbitrary<SchemaCase> {
  const leaf: fc.Arbitrary<SchemaCase> = fc.oneof(
    fc.constantFrom(...primitives),
    fc.integer({ min: 1, max: 5 }).map((count) => {
      const symbols = Array.from({ length: count }, (_, i) => `S${String(i)}`);
      return { schema: { type: 'enum', name: '', symbols }, value: fc.constantFrom(...symbols) };
    }),
    fc.integer({ min: 0, max: 20 }).map((size) => ({
      schema: { type: 'fixed', name: '', size },
      value: fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes)),
    })),
  );
  if (depth === 0) return leaf;
  const part = nestedSchema(depth - 1);
  return fc.oneof(
    { depthSize: 'small' },
    leaf,
    part.map(({ schema, value }) => ({ schema: { type: 'array', items: schema }, value: fc.array(value, { maxLength: 8 }) })),
    part.map(({ schema, value }) => ({
      schema: { type: 'map', values: schema },
      value: fc.dictionary(wellFormed.filter((key) => key !== '__proto__'), value, { maxKeys: 6 }),
    })),
    part
      .filter(({ schema }) => schema !== 'null' && !Array.isArray(schema))
      .map(({ schema, value }) => ({ schema: ['null', schema] as AvroSchema, value: fc.option(value) })),
    fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => {
      const branches = parts.filter(({ schema }, i) => !Array.isArray(schema) && parts.findIndex((other) => likenessOf(other.schema) === likenessOf(schema)) === i);
      if (branches.length === 0) return { schema: 'null', value: fc.constant(null) };
      return { schema: branches.map(({ schema }) => schema), value: fc.oneof(...branches.map(({ value }) => value)) };
    }),
    fc.array(part, { minLength: 0, maxLength: 5 }).map((parts) => ({
      schema: { type: 'record', name: '', fields: parts.map(({ schema }, i) => ({ name: `f${String(i)}`, type: schema })) },
      value: fc.record(Object.fromEntries(parts.map(({ value }, i) => [`f${String(i)}`, value]))),
    })),
  );
}

/** Of two types of one likeness, no value tells by itself to which it belongs: a union may have only one of them. */
function likenessOf(schema: AvroSchema): string {
  const name = typeof schema === 'string' ? schema : Array.isArray(schema) ? 'union' : String((schema as { type: unknown }).type);
  const alike: Readonly<Record<string, string>> = { int: 'number', long: 'number', float: 'number', double: 'number', enum: 'string', fixed: 'bytes', map: 'record' };
  return alike[name] ?? name;
}
