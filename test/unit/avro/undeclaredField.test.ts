import { expect, test } from 'vitest';
import { compileSchema } from '../../../shared/avro/compileSchema.ts';
import { refuseUndeclaredFields } from '../../../shared/avro/undeclaredField.ts';

const line = { type: 'record', name: 'Line', fields: [{ name: 'sku', type: 'string' }] };
const target = {
  subject: 'shop.Order',
  type: compileSchema({
    type: 'record', name: 'shop.Order',
    fields: [
      { name: 'id', type: 'string' }, { name: 'note', type: ['null', 'string'], default: null }, { name: 'lines', type: { type: 'array', items: line }, default: [] },
      { name: 'gift', type: ['null', { type: 'record', name: 'Gift', fields: [{ name: 'to', type: 'string' }] }], default: null },
      { name: 'labels', type: { type: 'map', values: 'string' }, default: {} },
    ],
  }, 'shop.Order'),
};
const order = { id: '1', note: null, lines: [{ sku: 'a' }], gift: { to: 'Ada' }, labels: { any: 'name' } };
const refusalOf = (payload: unknown): unknown => {
  try {
    refuseUndeclaredFields(payload, target);
    return null;
  } catch (error) {
    return error;
  }
};

test.each([
  ['at the top', { ...order, nota: 'x' }, /shop\.Order: nota.*Did you mean note\?/s],
  ['in a list', { ...order, lines: [{ sku: 'a' }, { sku: 'b', colour: 'red' }] }, /lines\.1\.colour.*only fields of the schema \(sku\)/s],
  ['in an optional record', { ...order, gift: { to: 'Ada', from: 'Bob' } }, /gift.*from/s],
])('refuses a field that the schema does not have, %s, and names it', (_, payload, message) => {
  expect(refusalOf(payload)).toMatchObject({ code: 'BAD_PAYLOAD', message: expect.stringMatching(message) as string });
});

test.each([
  ['all declared', order],
  ['with fields left out that have defaults', { id: '1' }],
  ['with an undeclared field that is undefined', { ...order, nota: undefined }],
  ['of a class with methods', Object.assign(new (class { ship(): number { return 1; } })(), order)],
])('takes a payload %s', (_, payload) => {
  expect(refusalOf(payload)).toBeNull();
});
