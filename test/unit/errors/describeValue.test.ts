import { expect, test } from 'vitest';
import { describeValue } from '../../../shared/errors/MillraceError.ts';

test.each<[what: string, error: Error, text: string]>([
  ['tells itself', new TypeError('no'), 'TypeError: no'],
  ['without words tells the first of its errors', new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('connect ECONNREFUSED 127.0.0.1:5432')]), 'Error: connect ECONNREFUSED ::1:5432'],
  ['with words of its own tells these', new AggregateError([new Error('a')], 'all failed'), 'AggregateError: all failed'],
  ['without words and errors tells its name', new AggregateError([]), 'AggregateError: '],
])('an error that %s', (_, error, text) => {
  expect(describeValue(error)).toBe(text);
});
