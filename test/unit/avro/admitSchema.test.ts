import { describe, expect, test } from 'vitest';
import { admitSchema } from '../../../shared/avro/admitSchema.ts';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { compileGuard } from '../../../shared/avro/guardAvro.ts';
import { codeThrownBy } from './avroBytes.ts';

/** All that happens to a schema from the registry before its first record is read. */
const load = (text: string): void => { compileGuard(compileSchema(admitSchema(text))); };
const withFields = (fields: readonly unknown[]): string => JSON.stringify({ type: 'record', name: 'R', fields });

describe('a schema from the registry', () => {
  test.each<[string, () => string]>([
    ['text that is no JSON', () => '{"type":'],
    ['a number', () => '12'],
    ['null', () => 'null'],
    ['an empty object', () => '{}'],
    ['an unknown type', () => '"strng"'],
    ['a type that is called as what every object has', () => withFields([{ name: 'a', type: 'constructor' }])],
    ['a field called __proto__', () => withFields([{ name: '__proto__', type: 'int' }])],
    ['a field whose name is code', () => withFields([{ name: 'a;throw 1', type: 'int' }])],
    ['a record without fields', () => '{"type":"record","name":"R"}'],
    ['fields that are no list', () => '{"type":"record","name":"R","fields":{"a":1}}'],
    ['a fixed of negative size', () => '{"type":"fixed","name":"F","size":-1}'],
    ['an empty union', () => '[]'],
    ['ten thousand levels of arrays', () => '{"type":"array","items":'.repeat(10_000) + '"int"' + '}'.repeat(10_000)],
    ['a hundred thousand brackets', () => '['.repeat(100_000) + ']'.repeat(100_000)],
    ['thirty thousand fields', () => withFields(Array.from({ length: 30_000 }, (_, i) => ({ name: `f${String(i)}`, type: 'int' })))],
    ['a hundred thousand fields', () => withFields(Array.from({ length: 100_000 }, (_, i) => ({ name: `f${String(i)}`, type: 'int' })))],
  ])('is refused within a second when it is %s', (_name, text) => {
    const started = performance.now();
    expect(codeThrownBy(() => { load(text()); })).toBe('SCHEMA_INVALID');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('loads within two seconds with six thousand fields', () => {
    const started = performance.now();
    load(withFields(Array.from({ length: 6000 }, (_, i) => ({ name: `f${String(i)}`, type: 'int' }))));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('loads at once although its defaults, copied, would be a billion records', () => {
    let type: unknown = { type: 'record', name: 'R0', fields: [{ name: 'a', type: 'int', default: 0 }] };
    for (let i = 1; i <= 15; i++) {
      type = { type: 'record', name: `R${String(i)}`, fields: [{ name: 'a', type, default: {} }, { name: 'b', type: `R${String(i - 1)}`, default: {} }] };
    }
    const started = performance.now();
    load(JSON.stringify(type));
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('loads although its default contains itself', () => {
    load(JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'r', type: ['R', 'null'], default: { r: { r: {} } } }] }));
  });

  test('may be the bare name of a type, as the oldest registries answer', () => {
    load('"string"');
    load('string');
  });
});
