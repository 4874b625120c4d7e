import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createSchemaCache } from '../../../shared/avro/schemaCache.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { codeThrownBy } from './avroBytes.ts';

const schemaOf = (id: number): string => JSON.stringify({ type: 'record', name: `R${String(id)}`, fields: [{ name: 'a', type: 'int' }] });

/** A registry that answers when told to, and counts what it was asked. */
function setUp(answer: (id: number) => string | Promise<string>, limits: { maxSchemas?: number; maxRefused?: number } = {}) {
  const asked: number[] = [];
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, monotonic: () => nowMs, after: () => () => undefined };
  const cache = createSchemaCache({
    fetchSchema: async (id) => {
      asked.push(id);
      return answer(id);
    },
    clock,
    unknownForMs: 30_000,
    ...limits,
  });
  return { cache, asked, wait: (ms: number) => { nowMs += ms; } };
}

const unknown = (): never => { throw new MillraceError('SCHEMA_UNKNOWN'); };
const down = (): never => { throw new MillraceError('REGISTRY_UNAVAILABLE'); };

describe('the schema cache', () => {
  test('asks once for a schema that many records wait for', async () => {
    const { cache, asked } = setUp(schemaOf);
    await Promise.all(Array.from({ length: 100 }, () => cache.load(7)));
    await cache.load(7);
    expect(asked).toEqual([7]);
    expect(cache.knows(7)).toBe(true);
    expect(cache.get(7).name).toBe('R7');
  });

  test('says that a schema is not loaded, rather than that it does not exist', () => {
    const { cache } = setUp(schemaOf);
    expect(cache.knows(7)).toBe(false);
    expect(codeThrownBy(() => cache.get(7))).toBe('SCHEMA_NOT_LOADED');
  });

  test('does not ask again for an unknown id until its time is over', async () => {
    const { cache, asked, wait } = setUp(unknown);
    await cache.load(9);
    wait(29_999);
    await cache.load(9);
    expect(asked).toEqual([9]);
    expect(codeThrownBy(() => cache.get(9))).toBe('SCHEMA_UNKNOWN');
    wait(1);
    expect(cache.knows(9)).toBe(false);
    await cache.load(9);
    expect(asked).toEqual([9, 9]);
  });

  test('finds a schema that was registered after it had been unknown', async () => {
    let exists = false;
    const { cache, wait } = setUp((id) => (exists ? schemaOf(id) : unknown()));
    await cache.load(9);
    exists = true;
    wait(30_000);
    await cache.load(9);
    expect(cache.get(9).name).toBe('R9');
  });

  test('remembers nothing of an outage: the next load asks again', async () => {
    let up = false;
    const { cache, asked } = setUp((id) => (up ? schemaOf(id) : down()));
    await expect(cache.load(7)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(cache.knows(7)).toBe(false);
    expect(codeThrownBy(() => cache.get(7))).toBe('SCHEMA_NOT_LOADED');
    up = true;
    await cache.load(7);
    expect(asked).toEqual([7, 7]);
    expect(cache.knows(7)).toBe(true);
  });

  test('answers a negative id itself', async () => {
    const { cache, asked } = setUp(schemaOf);
    expect(cache.knows(-1)).toBe(true);
    await cache.load(-1);
    expect(codeThrownBy(() => cache.get(-1))).toBe('SCHEMA_UNKNOWN');
    expect(asked).toEqual([]);
  });

  test('keeps no more schemas than allowed, and drops one that is not used', async () => {
    const { cache } = setUp(schemaOf, { maxSchemas: 3 });
    for (const id of [1, 2, 3, 4]) await cache.load(id);
    // All were new, so the oldest went, and the others lost their marks. Now 2 is used again, and 3 is not.
    expect(cache.knows(1)).toBe(false);
    cache.get(2);
    await cache.load(5);
    expect([1, 2, 3, 4, 5].map((id) => cache.knows(id))).toEqual([false, true, false, true, true]);
  });

  test('keeps no more unknown ids than allowed, however many records name one', async () => {
    const { cache, asked } = setUp(unknown, { maxRefused: 100 });
    for (let id = 0; id < 1000; id++) await cache.load(id);
    expect(Array.from({ length: 1000 }, (_, id) => id).filter((id) => cache.knows(id))).toEqual(Array.from({ length: 100 }, (_, i) => 900 + i));
    expect(asked).toHaveLength(1000);
  });

  test('refuses a schema that it cannot use, for a while, with the reason', async () => {
    const { cache, asked } = setUp(() => '{"type":"nonsense"}');
    await cache.load(3);
    await cache.load(3);
    expect(asked).toEqual([3]);
    expect(codeThrownBy(() => cache.get(3))).toBe('SCHEMA_INVALID');
  });
});
