import { describe, expect, it } from 'vitest';
import { createUuidV7 } from '../../../shared/client/uuidV7.ts';

describe('a UUIDv7', () => {
  it('has its version, its variant and its time', () => {
    const now = Date.parse('2026-01-02T03:04:05.678Z');
    const id = createUuidV7(() => now)();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
  });

  it('is greater than the one before, within a millisecond, past its count, and when the clock goes back', () => {
    let now = 1_000_000;
    const create = createUuidV7(() => now);
    const ids = Array.from({ length: 20_000 }, (_, i) => {
      if (i === 12_000) now -= 5000;
      if (i === 15_000) now += 20_000;
      return create();
    });
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
    // It borrows a millisecond for some 2,000 to 4,000 ids, not one for each.
    const timeOf = (id: string | undefined): number => parseInt(id?.replaceAll('-', '').slice(0, 12) ?? '', 16);
    expect(timeOf(ids[14_999]) - 1_000_000).toBeLessThan(10);
    expect(timeOf(ids.at(-1))).toBeLessThan(now + 5);
  });

  it('differs between two that start at the same time', () => {
    const [a, b] = [createUuidV7(() => 5), createUuidV7(() => 5)];
    expect(a().slice(19)).not.toBe(b().slice(19));
  });
});
