import { describe, expect, it } from 'vitest';
import { pick, selects, type DeadSelection } from '../../../shared/commands/deadSelection.ts';
import type { BuriedJob } from '../../../shared/commands/buried.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';

const noon = Date.UTC(2026, 0, 1, 12);
const job: BuriedJob = {
  id: 'a', kind: 'order.charge', key: 'ada', partition: 0, offset: 3, deadLetterOffset: 9, attempts: 2, reason: 'attempts', message: 'too late', code: 'TIMEOUT', fingerprint: 'f1', buriedAt: new Date(noon),
};
const tagsOf = ({ id }: BuriedJob): ReadonlySet<string> => new Set(id === 'a' ? ['bank', 'asked'] : []);

describe('a selection of dead jobs', () => {
  const fits: readonly DeadSelection[] = [
    {}, { kind: 'order.charge' }, { errorCode: 'TIMEOUT', fingerprint: 'f1' }, { ids: ['b', 'a'] }, { keys: ['bob', 'ada'] }, { from: new Date(noon) }, { to: new Date(noon + 1) }, { tags: ['nobody', 'bank'] }, { max: 0 },
  ];
  it.each(fits)('takes a job for which all holds: %o', (selection) => {
    expect(selects(selection, tagsOf)(job)).toBe(true);
  });

  const misses: readonly DeadSelection[] = [
    { kind: 'order' }, { errorCode: 'timeout' }, { errorCode: 'TIMEOUT', fingerprint: 'f2' }, { ids: [] }, { ids: ['b'] }, { keys: ['bob'] }, { keys: [] }, { from: new Date(noon + 1) }, { to: new Date(noon) },
    { tags: [] }, { tags: ['nobody'] }, { kind: 'order.charge', keys: ['bob'] },
  ];
  it.each(misses)('leaves a job for which one thing does not hold: %o', (selection) => {
    expect(selects(selection, tagsOf)(job)).toBe(false);
  });

  it('takes no job without key for one of an entity, and none without error for one of a code', () => {
    expect(selects({ keys: [''] })({ ...job, key: null })).toBe(false);
    expect(selects({ errorCode: 'TIMEOUT' })({ ...job, code: null })).toBe(false);
  });

  it('refuses to choose by tags that nobody knows, rather than choosing all or none', () => {
    expect(() => selects({ tags: ['bank'] })).toThrow(expect.objectContaining({ code: 'BAD_COMMAND' }) as Error);
  });

  it('takes no more than its cap, counting only what fits', () => {
    const jobs = ['x', 'a', 'y', 'a', 'a'].map((id, offset) => ({ shown: { ...job, id, offset } }));
    expect(pick(jobs, { ids: ['a'], max: 2 }).map(({ shown }) => shown.offset)).toEqual([1, 3]);
    expect(pick(jobs, { max: 0 })).toEqual([]);
    for (const max of [-1, NaN]) {
      try {
        pick(jobs, { max });
        expect.unreachable();
      } catch (error) {
        expect(isMillraceError(error, 'BAD_COMMAND')).toBe(true);
      }
    }
  });
});
