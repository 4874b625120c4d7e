import avsc, { type Type } from 'avsc';
import { MillraceError } from '../errors/MillraceError.ts';
import type { GuardLimits } from './guardLimits.ts';
import { minimumSize } from './minimumSize.ts';
import { refuse, walkBoolean, walkBytes, walkFixed, walkInt, walkKey, walkLength, walkLong, walkNull, walkString, type AvroCursor } from './walkPrimitive.ts';

export type { AvroCursor } from './walkPrimitive.ts';

/** Moves the cursor over one value of a type, or throws. */
export type Walk = (cursor: AvroCursor) => void;

type WalkLimits = Pick<GuardLimits, 'maxEmptyItems' | 'maxDepth' | 'maxLong'>;

/** Builds the walk of a type: one closure a type, so that hot bytes run through few small functions. */
export function compileWalk(root: Type, limits: WalkLimits): Walk {
  const done = new Map<Type, Walk>();
  const underWay = new Set<Type>();

  const compile = (type: Type): Walk => {
    const known = done.get(type);
    if (known !== undefined) return known;
    if (underWay.has(type)) return recursive(() => done.get(type), limits.maxDepth);
    underWay.add(type);
    const walk = build(type);
    underWay.delete(type);
    done.set(type, walk);
    return walk;
  };

  const build = (type: Type): Walk => {
    switch (type.typeName) {
      case 'null': return walkNull;
      case 'boolean': return walkBoolean;
      case 'int': return walkInt;
      case 'long': return (cursor) => { walkLong(cursor, limits.maxLong); };
      case 'float': return (cursor) => { walkFixed(cursor, 4); };
      case 'double': return (cursor) => { walkFixed(cursor, 8); };
      case 'bytes': return walkBytes;
      case 'string': return walkString;
      default:
    }
    if (type instanceof avsc.types.FixedType) {
      const { size } = type;
      return (cursor) => { walkFixed(cursor, size); };
    }
    if (type instanceof avsc.types.EnumType) return walkEnum(type.symbols.length);
    if (type instanceof avsc.types.UnwrappedUnionType || type instanceof avsc.types.WrappedUnionType) return walkUnion(type.types.map(compile));
    if (type instanceof avsc.types.ArrayType) return walkBlocks(compile(type.itemsType), minimumSize(type.itemsType), false, limits);
    if (type instanceof avsc.types.MapType) {
      const values = type.valuesType as Type; // Untyped in avsc.
      return walkBlocks(compile(values), minimumSize(values) + 1, true, limits);
    }
    if (type instanceof avsc.types.RecordType) return walkRecord(type.fields.map((field) => compile(field.type)));
    throw new MillraceError('SCHEMA_INVALID', { expected: 'Avro types only', got: type.typeName });
  };

  return compile(root);
}

function recursive(target: () => Walk | undefined, maxDepth: number): Walk {
  let walk: Walk | undefined;
  return (cursor) => {
    if (++cursor.depth > maxDepth) refuse(cursor, 'AVRO_UNSAFE', `at most ${String(maxDepth)} levels of recursion`);
    (walk ??= target())?.(cursor);
    cursor.depth--;
  };
}

function walkRecord(fields: readonly Walk[]): Walk {
  const count = fields.length;
  return (cursor) => {
    if ((cursor.valuesLeft -= count + 1) < 0) refuse(cursor, 'AVRO_UNSAFE', 'fewer values');
    for (let i = 0; i < count; i++) (fields[i] as Walk)(cursor);
  };
}

function walkUnion(branches: readonly Walk[]): Walk {
  const expected = `a union index below ${String(branches.length)}`;
  return (cursor) => {
    const index = walkLength(cursor);
    const branch = branches[index];
    if (branch === undefined) return refuse(cursor, 'AVRO_INVALID', expected, index);
    branch(cursor);
  };
}

function walkEnum(symbols: number): Walk {
  const expected = `an enum index below ${String(symbols)}`;
  return (cursor) => {
    const index = walkLength(cursor);
    if (index < 0 || index >= symbols) refuse(cursor, 'AVRO_INVALID', expected, index);
  };
}

/** Arrays and maps: blocks of items until an empty one. A negative count is followed by the block's size in bytes. */
function walkBlocks(item: Walk, itemMinimum: number, keyed: boolean, limits: WalkLimits): Walk {
  return (cursor) => {
    for (let count = walkLength(cursor); count !== 0; count = walkLength(cursor)) {
      let blockEnd = -1;
      if (count < 0) {
        count = -count;
        const size = walkLength(cursor);
        if (size < 0) refuse(cursor, 'AVRO_INVALID', 'a block size of 0 or more', size);
        if (size > cursor.end - cursor.pos) refuse(cursor, 'AVRO_TRUNCATED', `${String(size)} more bytes`);
        blockEnd = cursor.pos + size;
      }
      if (count * itemMinimum > cursor.end - cursor.pos) refuse(cursor, 'AVRO_TRUNCATED', `${String(count)} items`);
      if (itemMinimum === 0 && count > limits.maxEmptyItems) refuse(cursor, 'AVRO_UNSAFE', `at most ${String(limits.maxEmptyItems)} items without bytes`, count);
      if ((cursor.valuesLeft -= count) < 0) refuse(cursor, 'AVRO_UNSAFE', 'fewer values', count);
      for (let i = 0; i < count; i++) {
        if (keyed) walkKey(cursor);
        item(cursor);
      }
      // avsc skips a sized block by its size but reads it by its count: were they to differ, its fields would shift.
      if (blockEnd !== -1 && cursor.pos !== blockEnd) refuse(cursor, 'AVRO_INVALID', `a block that ends at byte ${String(blockEnd)}`);
    }
  };
}
