import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../../shared/intake/digestOf.ts';

function reversed(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(reversed);
  return typeof json === 'object' && json !== null ? Object.fromEntries(Object.entries(json).reverse().map(([name, value]) => [name, reversed(value)])) : json;
}

test('what says the same has one digest, in whatever order its fields stand', () => {
  fc.assert(fc.property(fc.jsonValue(), (json) => { expect(digestOf(reversed(json))).toBe(digestOf(json)); }));
});

test.each([
  ['[1,2]', '[2,1]'], ['{"a":1}', '{"a":"1"}'], ['{"a":{"b":1}}', '{"b":{"a":1}}'], ['{"a":null}', '{}'], ['{"__proto__":{"a":1}}', '{}'], ['{"a":[{"b":1,"c":2}]}', '{"a":[{"b":2,"c":1}]}'],
])('%s and %s are two things', (one, other) => {
  expect(digestOf(JSON.parse(one))).not.toBe(digestOf(JSON.parse(other)));
});
