import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { headerNames } from '../../../shared/kafka/envelope.ts';

const page = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8');

test('the page about the wire names every header, and none that does not exist', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `ce_') || line.startsWith('| `mr_') || line.startsWith('| `content') || line.startsWith('| `trace'));
  const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
  expect(named.toSorted()).toEqual(Object.values(headerNames).toSorted());
});
