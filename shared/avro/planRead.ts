import avsc, { type Type } from 'avsc';
import { minimumSize } from './minimumSize.ts';

/** How a value of a writer's type becomes one of a reader's, where that takes no conversion. */
export type ReadPlan =
  | { readonly read: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string' }
  | { readonly read: 'fixed'; readonly size: number }
  | { readonly read: 'enum'; readonly symbols: readonly string[] }
  | { readonly read: 'array' | 'map'; readonly item: ReadPlan; readonly itemMinimum: number }
  | { readonly read: 'union'; readonly branches: readonly ReadPlan[] }
  | RecordPlan;

export interface RecordPlan {
  readonly read: 'record';
  /** In the order of the bytes; those that the reader does not have are planned as they were written. */
  readonly fields: readonly ReadPlan[];
  /** avsc's own, so that a record is the same whoever read it; it puts the default where it is given undefined. */
  readonly build: new (...values: unknown[]) => object;
  /** For each of its arguments: which of `fields`; -1 for one that was not written. */
  readonly takes: readonly number[];
}

/** What is larger would be slow to compile, or too large for V8 to optimise. A type inside itself would have parts without end. */
const MAX_PARTS = 300;

/**
 * Plans how to read what `writer` wrote as `reader`; null for what only avsc is to read: recursive and anonymous types,
 * wrapped unions, promotions, renamed types. Ask only where `reader.createResolver(writer)` succeeds, or where they are one type.
 */
export function planRead(writer: Type, reader: Type): ReadPlan | null {
  let parts = 0;

  const plan = (from: Type, to: Type): ReadPlan | null => {
    if (++parts > MAX_PARTS) return null;
    if (to instanceof avsc.types.UnwrappedUnionType) return planUnion(from, to);
    return from.typeName === to.typeName ? planSame(from, to) : null;
  };

  const planSame = (from: Type, to: Type): ReadPlan | null => {
    switch (from.typeName) {
      case 'null': case 'boolean': case 'int': case 'long': case 'float': case 'double': case 'bytes': case 'string': return { read: from.typeName };
      default:
    }
    if (from.name !== to.name) return null;
    if (from instanceof avsc.types.FixedType) return { read: 'fixed', size: from.size };
    if (from instanceof avsc.types.EnumType && to instanceof avsc.types.EnumType) {
      return from === to || areWithin(from.symbols, to.symbols) ? { read: 'enum', symbols: from.symbols } : null;
    }
    if (from instanceof avsc.types.ArrayType && to instanceof avsc.types.ArrayType) return planItems('array', from.itemsType, to.itemsType, 0);
    if (from instanceof avsc.types.MapType && to instanceof avsc.types.MapType) return planItems('map', from.valuesType as Type, to.valuesType as Type, 1); // Untyped in avsc.
    if (from.typeName === 'record' && from instanceof avsc.types.RecordType && to instanceof avsc.types.RecordType && from.name !== undefined) return planRecord(from, to);
    return null;
  };

  const planItems = (read: 'array' | 'map', from: Type, to: Type, keyMinimum: number): ReadPlan | null => {
    const itemMinimum = minimumSize(from) + keyMinimum;
    const item = itemMinimum === 0 ? null : plan(from, to); // Nothing bounds items that take no bytes.
    return item === null ? null : { read, item, itemMinimum };
  };

  const planRecord = (from: avsc.types.RecordType, to: avsc.types.RecordType): ReadPlan | null => {
    if (from.fields.length > MAX_PARTS) return null;
    const written = new Map(from.fields.map(({ name }, place) => [name, place]));
    const takes: number[] = [];
    const readers = new Map<number, Type>();
    for (const { name, aliases, type } of to.fields) {
      const places = [...new Set([name, ...aliases])].map((known) => written.get(known)).filter((place) => place !== undefined);
      const place = places[0] ?? -1;
      if (places.length > 1 || readers.has(place)) return null;
      if (place !== -1) readers.set(place, type);
      takes.push(place);
    }
    const fields = from.fields.map(({ type }, place) => plan(type, readers.get(place) ?? type));
    return fields.includes(null) ? null : { read: 'record', fields: fields as ReadPlan[], build: to.recordConstructor as unknown as RecordPlan['build'], takes };
  };

  const planUnion = (from: Type, to: avsc.types.UnwrappedUnionType): ReadPlan | null => {
    if (!(from instanceof avsc.types.UnwrappedUnionType)) {
      const into = branchFor(from, to);
      return into === null ? null : planSame(from, into);
    }
    const branches = from.types.map((branch) => {
      const into = branchFor(branch, to);
      return into === null ? null : plan(branch, into);
    });
    return branches.includes(null) ? null : { read: 'union', branches: branches as ReadPlan[] };
  };

  return plan(writer, reader);
}

/** avsc takes the first branch that can read the type; an unwrapped union has one at most of the same sort. Null where it converts, or none can. */
function branchFor(from: Type, to: avsc.types.UnwrappedUnionType): Type | null {
  const into = to.types.find((branch) => branch.typeName === from.typeName || promotes(from, branch));
  return into?.typeName === from.typeName ? into : null;
}

/** Schemas are anybody's: a look through all symbols for each one would take minutes. */
function areWithin(symbols: readonly string[], others: readonly string[]): boolean {
  if (symbols.length > others.length) return false;
  const known = new Set(others);
  return symbols.every((symbol) => known.has(symbol));
}

const NUMBERS = ['int', 'long', 'float', 'double'];
const TEXTS = ['string', 'bytes'];

function promotes(from: Type, to: Type): boolean {
  return [NUMBERS, TEXTS].some((kind) => kind.includes(from.typeName) && kind.includes(to.typeName));
}
