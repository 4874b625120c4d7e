import type { PayloadSchema } from '../../schemas/payloadSchema.ts';
import { compileSchema } from '../avro/compileSchema.ts';
import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError, describeValue } from '../errors/MillraceError.ts';
import { logicalForm, type LogicalForm } from './logicalForms.ts';

/** What is wrong with one field, by its path: `payload.lines.0.price`. */
export interface FieldFlaw {
  readonly field: string;
  readonly message: string;
}

/** Turns the JSON of a payload into what the codec encodes. @throws MillraceError BAD_PAYLOAD with all flaws (at most 20) in `detail.fields` */
export type PayloadForm = (json: unknown, at: string) => unknown;

type Reader = (value: unknown, path: string, flaws: FieldFlaw[]) => unknown;

/** avsc's types as this file walks them; its own typings leave out what it does at runtime. */
interface AvroType {
  readonly typeName: string;
  readonly name?: string;
  readonly branchName: string;
  readonly fields?: readonly AvroField[];
  readonly itemsType?: AvroType;
  readonly valuesType?: AvroType;
  readonly types?: readonly AvroType[];
  readonly symbols?: readonly string[];
  readonly size?: number;
}

interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  /** Undefined: there is none. */
  defaultValue(): unknown;
}

const MAX_FLAWS = 20;
/** The codec writes no larger ones: beyond, neighbours in JSON are one number. */
const MAX_LONG = 2 ** 52 - 1;

/**
 * The JSON form of a schema's data:
 *
 * | Avro | JSON |
 * |---|---|
 * | null, boolean, string, enum, array, map, record | as one thinks; a field that has a default may be left out; names that the schema lacks are refused |
 * | int, long | a whole number; a long also as text (`"42"`), at most ±(2^52 − 1) |
 * | float, double | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
 * | bytes, fixed | base64, also base64url |
 * | union | the bare value: of the branches that fit, the first; or, to name one, `{"<branch>": value}` as in Avro's own JSON |
 * | date, time-*, timestamp-* | RFC 3339 text, or the number that is written |
 * | decimal | text such as `"12.50"` |
 * | uuid | checked |
 *
 * @throws MillraceError SCHEMA_INVALID
 */
export function createPayloadForm(schema: PayloadSchema<unknown>): PayloadForm {
  const avro = schema.versions[schema.version - 1];
  if (avro === undefined) throw new MillraceError('SCHEMA_INVALID', { at: schema.subject, got: schema.version });
  const read = compile(compileSchema(avro, schema.subject) as unknown as AvroType, avro, new Map());
  return (json, at) => {
    const flaws: FieldFlaw[] = [];
    const payload = read(json, at, flaws);
    const [first] = flaws;
    if (first === undefined) return payload;
    throw new MillraceError('BAD_PAYLOAD', { at: first.field, expected: first.message.replace(/^expected /, ''), fields: flaws });
  };
}

function compile(type: AvroType, schema: unknown, named: Map<string, Reader>): Reader {
  const definition = unnest(schema);
  const form = typeof definition === 'object' && definition !== null && !Array.isArray(definition) ? logicalForm(definition as Readonly<Record<string, unknown>>) : null;
  const plain = compilePlain(type, definition, named);
  return form === null ? plain : readLogical(plain, form);
}

/** `{type: {type: 'long', …}}` says no more than what is inside. */
function unnest(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema;
  const { type } = schema as { type?: unknown };
  return typeof type === 'object' && type !== null ? unnest(type) : schema;
}

function compilePlain(type: AvroType, schema: unknown, named: Map<string, Reader>): Reader {
  switch (type.typeName) {
    case 'null': return (value, path, flaws) => (value === null ? null : flaw(flaws, path, 'null', value));
    case 'boolean': return (value, path, flaws) => (typeof value === 'boolean' ? value : flaw(flaws, path, 'true or false', value));
    case 'int': return (value, path, flaws) => (typeof value === 'number' && Number.isInteger(value) && Math.abs(value + 0.5) <= 2 ** 31 ? value : flaw(flaws, path, 'a whole number of 32 bits', value));
    case 'long': return readLong;
    case 'float':
    case 'double': return readFloat;
    case 'string': return readString;
    case 'bytes': return (value, path, flaws) => readBytes(value, path, flaws, null);
    case 'fixed': return (value, path, flaws) => readBytes(value, path, flaws, type.size ?? 0);
    case 'enum': return readEnum(type.symbols ?? []);
    case 'array': {
      const read = compile(type.itemsType as AvroType, (schema as { items?: unknown }).items, named);
      return (value, path, flaws) => (Array.isArray(value) ? value.map((item, index) => read(item, `${path}.${index}`, flaws)) : flaw(flaws, path, 'a list', value));
    }
    case 'map': return readMap(compile(type.valuesType as AvroType, (schema as { values?: unknown }).values, named));
    case 'union:unwrapped':
    case 'union:wrapped': return readUnion(type, schema as readonly unknown[], named);
    default: return compileRecord(type, schema, named);
  }
}

function compileRecord(type: AvroType, schema: unknown, named: Map<string, Reader>): Reader {
  const name = type.name ?? '';
  const known = named.get(name);
  if (known !== undefined) return known;
  const fields: { readonly name: string; readonly read: Reader; readonly of: AvroField }[] = [];
  const names: string[] = [];
  const reader: Reader = (value, path, flaws) => {
    if (!isObject(value)) return flaw(flaws, path, `an object with ${names.join(', ') || 'no fields'}`, value);
    const record: Record<string, unknown> = {};
    for (const field of fields) {
      if (Object.hasOwn(value, field.name)) record[field.name] = field.read(value[field.name], `${path}.${field.name}`, flaws);
      else {
        const standard = field.of.defaultValue();
        if (standard === undefined) flaw(flaws, `${path}.${field.name}`, 'a value: the field has no default', undefined);
        record[field.name] = standard;
      }
    }
    for (const given of Object.keys(value)) {
      if (names.includes(given)) continue;
      const meant = didYouMean(given, names);
      flaw(flaws, `${path}.${given}`, `no field of that name${meant === null ? '' : `; did you mean ${meant}?`}`, value[given]);
    }
    return record;
  };
  named.set(name, reader);
  const definitions = (schema as { fields?: readonly { readonly type: unknown }[] }).fields ?? [];
  for (const [index, field] of (type.fields ?? []).entries()) {
    // A field's own attributes may carry the logical type beside a plain type name.
    const definition = definitions[index];
    fields.push({ name: field.name, read: compile(field.type, definition?.type, named), of: field });
    names.push(field.name);
  }
  return reader;
}

function readUnion(type: AvroType, schema: readonly unknown[], named: Map<string, Reader>): Reader {
  const wrap = type.typeName === 'union:wrapped';
  const branches = (type.types ?? []).map((branch, index) => ({ name: branch.branchName, read: compile(branch, schema[index], named) }));
  const expected = `one of ${branches.map(({ name }) => name).join(', ')}`;
  const as = (name: string, value: unknown): unknown => (wrap && name !== 'null' ? { [name]: value } : value);
  return (value, path, flaws) => {
    if (isObject(value)) {
      const [only, second] = Object.keys(value);
      const chosen = second === undefined ? branches.find(({ name }) => name === only) : undefined;
      if (chosen !== undefined) return as(chosen.name, chosen.read(value[chosen.name], `${path}.${chosen.name}`, flaws));
    }
    let nearest: readonly FieldFlaw[] | null = null;
    for (const { name, read } of branches) {
      const own: FieldFlaw[] = [];
      const taken = read(value, path, own);
      if (own.length === 0) return as(name, taken);
      // What fails deep inside was meant to be this branch; what fails at once was not.
      if (own[0]?.field !== path) nearest ??= own;
    }
    if (nearest === null) return flaw(flaws, path, expected, value);
    for (const each of nearest) if (flaws.length < MAX_FLAWS) flaws.push(each);
    return null;
  };
}

function readMap(read: Reader): Reader {
  return (value, path, flaws) => {
    if (!isObject(value)) return flaw(flaws, path, 'an object', value);
    const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(value)) {
      if (key === '__proto__' || !key.isWellFormed()) flaw(flaws, `${path}.${key.toWellFormed()}`, 'another key', key);
      else map[key] = read(value[key], `${path}.${key}`, flaws);
    }
    return map;
  };
}

function readEnum(symbols: readonly string[]): Reader {
  return (value, path, flaws) => {
    if (typeof value === 'string' && symbols.includes(value)) return value;
    const meant = typeof value === 'string' ? didYouMean(value, symbols) : null;
    return flaw(flaws, path, `one of ${symbols.slice(0, 20).join(', ')}${meant === null ? '' : `; did you mean ${meant}?`}`, value);
  };
}

function readLogical(plain: Reader, form: LogicalForm): Reader {
  return (value, path, flaws) => {
    if (typeof value !== 'string') return plain(value, path, flaws);
    const reading = form(value);
    if ('expected' in reading) return flaw(flaws, path, reading.expected, value);
    // What the text stands for must still fit the type; bytes do, by their making.
    return Buffer.isBuffer(reading.value) ? reading.value : plain(reading.value, path, flaws);
  };
}

function readLong(value: unknown, path: string, flaws: FieldFlaw[]): unknown {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && Math.abs(number) <= MAX_LONG) return number;
  return flaw(flaws, path, 'a whole number, at most ±(2^52 − 1)', value);
}

function readFloat(value: unknown, path: string, flaws: FieldFlaw[]): unknown {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  // JSON has no infinity: this one was a number too large for a double.
  return typeof value === 'number' && Number.isFinite(value) ? value : flaw(flaws, path, 'a finite number', value);
}

function readString(value: unknown, path: string, flaws: FieldFlaw[]): unknown {
  if (typeof value !== 'string') return flaw(flaws, path, 'text', value);
  return value.isWellFormed() ? value : flaw(flaws, path, 'well-formed Unicode text, without lone surrogates', value.toWellFormed());
}

function readBytes(value: unknown, path: string, flaws: FieldFlaw[], size: number | null): unknown {
  const expected = size === null ? 'bytes as base64' : `${size} bytes as base64`;
  if (typeof value !== 'string' || !/^(?:[A-Za-z0-9+/]+={0,2}|[A-Za-z0-9_-]+={0,2}|)$/.test(value) || value.replace(/=+$/, '').length % 4 === 1) return flaw(flaws, path, expected, value);
  const bytes = Buffer.from(value, 'base64');
  return size === null || bytes.length === size ? bytes : flaw(flaws, path, expected, value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function flaw(flaws: FieldFlaw[], field: string, expected: string, got: unknown): null {
  if (flaws.length < MAX_FLAWS) flaws.push({ field, message: `expected ${expected}, got ${got === undefined ? 'nothing' : describeValue(got)}` });
  return null;
}
