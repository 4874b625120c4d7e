import type { ReadPlan, RecordPlan } from './planRead.ts';

/** JavaScript, and what it refers to by the names of `given`. Nothing of a schema's text is in it: symbols and constructors are given. */
export interface ReadSource {
  /** The body of a function of `bytes` and `pos`. It refers to what `readPrimitive.ts` and `readText.ts` export, and to a `place`, too. */
  readonly body: string;
  readonly given: Readonly<Record<string, unknown>>;
}

/**
 * Writes a plan out as one function of straight code: no call for each field, and the position in a local variable, which is
 * what makes it fast. It checks what the guard checks (`guardAvro.ts`), and returns undefined where that would refuse.
 * Without `keep`, and for fields that the reader does not have, it checks only: it makes nothing of the bytes, and returns true.
 */
export function emitRead(plan: ReadPlan, { maxValues, keep }: { readonly maxValues: number; readonly keep: boolean }): ReadSource {
  const given: Record<string, unknown> = {};
  let names = 0;
  const name = (letter: string): string => `${letter}${String(names++)}`;
  const give = (letter: string, thing: unknown): string => {
    const called = name(letter);
    given[called] = thing;
    return called;
  };

  /** Statements that move `pos` over the value and declare `into` as it; null: nobody wants the value. */
  const emit = (part: ReadPlan, into: string | null): string => {
    switch (part.read) {
      case 'null': return set(into, 'null');
      case 'boolean': return `${hold(1)} if (bytes[pos] > 1) return; ${set(into, 'bytes[pos] === 1')} pos++;`;
      case 'int': return number(into ?? name('n'), 'readInt');
      case 'long': return number(into ?? name('n'), 'readLong');
      case 'float': return `${hold(4)} ${set(into, 'bytes.readFloatLE(pos)')} pos += 4;`;
      case 'double': return `${hold(8)} ${set(into, 'bytes.readDoubleLE(pos)')} pos += 8;`;
      case 'string': return text(into);
      case 'bytes': return emitBytes(into);
      case 'fixed': return fixed(into, part.size);
      case 'enum': return emitEnum(part.symbols, into);
      case 'array': return emitArray(part.item, part.itemMinimum, into);
      case 'map': return emitMap(part.item, part.itemMinimum, into);
      case 'union': return emitUnion(part.branches, into);
      case 'record': return emitRecord(part, into);
    }
  };

  const emitBytes = (into: string | null): string => {
    const length = name('n');
    return `${number(length, 'readCount')} if (${length} < 0) return; ${fixed(into, length)}`;
  };

  const emitEnum = (symbols: readonly string[], into: string | null): string => {
    const index = name('n');
    return `${number(index, 'readCount')} if (${index} < 0 || ${index} >= ${String(symbols.length)}) return; ${into === null ? '' : set(into, `${give('symbols', symbols)}[${index}]`)}`;
  };

  const emitArray = (item: ReadPlan, itemMinimum: number, into: string | null): string => {
    const count = name('n');
    if (into === null) return emitBlocks(item, itemMinimum, count, '', emit(item, null));
    const [value, at] = [name('v'), name('n')];
    return `let ${into} = null, ${at} = 0;
      ${emitBlocks(item, itemMinimum, count, `if (${into} === null) ${into} = new Array(${count});`, `${emit(item, value)} ${into}[${at}++] = ${value};`)}
      if (${into} === null) ${into} = [];`;
  };

  const emitMap = (item: ReadPlan, itemMinimum: number, into: string | null): string => {
    const [value, key] = [into === null ? null : name('v'), name('v')];
    const entry = `${text(key)} if (${key} === '__proto__') return; ${emit(item, value)}`;
    return `${set(into, '{}')} ${emitBlocks(item, itemMinimum, name('n'), '', into === null ? entry : `${entry} ${into}[${key}] = ${String(value)};`)}`;
  };

  /** Blocks of items until an empty one. A negative count is followed by the block's size in bytes. */
  const emitBlocks = (item: ReadPlan, itemMinimum: number, count: string, before: string, one: string): string => {
    const [size, blockEnd] = [name('n'), name('n')];
    return `for (;;) {
      ${number(count, 'readCount')}
      if (${count} === 0) break;
      let ${blockEnd} = -1;
      if (${count} < 0) {
        ${number(size, 'readCount')} if (${size} < 0) return; ${hold(size)}
        ${blockEnd} = pos + ${size};
        ${count} = -${count};
      }
      ${hold(`${count} * ${String(itemMinimum)}`)}
      if ((valuesLeft -= ${count} * ${String(1 + countValues(item))}) < 0) return;
      ${before}
      for (; ${count} > 0; ${count}--) { ${one} }
      if (${blockEnd} !== -1 && pos !== ${blockEnd}) return;
    }`;
  };

  const emitUnion = (branches: readonly ReadPlan[], into: string | null): string => {
    const index = name('n');
    const cases = branches.map((branch, i) => {
      const value = into === null ? null : name('v');
      return `if (${index} === ${String(i)}) { ${emit(branch, value)} ${into === null ? '' : `${into} = ${String(value)};`} }`;
    });
    return `${into === null ? '' : `let ${into};`} ${number(index, 'readCount')} ${[...cases, 'return;'].join(' else ')}`;
  };

  const emitRecord = ({ fields, build, takes }: RecordPlan, into: string | null): string => {
    const values = fields.map((field, place) => ({ field, value: into === null || !takes.includes(place) ? null : name('v') }));
    const statements = values.map(({ field, value }) => emit(field, value)).join('\n');
    return into === null ? statements : `${statements} ${set(into, `new ${give('Record', build)}(${takes.map((place) => values[place]?.value ?? 'undefined').join()})`)}`;
  };

  const body = `const end = bytes.length;
    let valuesLeft = ${String(maxValues - countValues(plan))};
    ${emit(plan, keep ? 'value' : null)}
    return pos === end ? ${keep ? 'value' : 'true'} : undefined;`;
  return { body, given };
}

function set(into: string | null, value: string): string {
  return into === null ? '' : `const ${into} = ${value};`;
}

function hold(count: number | string): string {
  return `if (${String(count)} > end - pos) return;`;
}

/** Reads one byte's number on the spot, a longer one by a helper. */
function number(into: string, helper: 'readInt' | 'readLong' | 'readCount'): string {
  return `if (pos >= end) return;
    let ${into} = bytes[pos];
    if (${into} < 0x80) { pos++; ${into} = (${into} >>> 1) ^ -(${into} & 1); }
    else { ${into} = ${helper}(bytes, pos, end, place); if (${into} !== ${into}) return; pos = place.pos; }`;
}

function text(into: string | null): string {
  if (into === null) return 'if (!passText(bytes, pos, end, place)) return; pos = place.pos;';
  return `const ${into} = readText(bytes, pos, end, place); if (${into} === undefined) return; pos = place.pos;`;
}

function fixed(into: string | null, size: number | string): string {
  return `${hold(size)} ${set(into, `copyBytes(bytes, pos, ${String(size)})`)} pos += ${String(size)};`;
}

/** What the guard counts for one value, but for items and entries, which are counted by block; of a union's branches the greatest. */
function countValues(plan: ReadPlan): number {
  if (plan.read === 'record') return plan.fields.reduce((sum, field) => sum + countValues(field), plan.fields.length + 1);
  return plan.read === 'union' ? Math.max(0, ...plan.branches.map(countValues)) : 0;
}
