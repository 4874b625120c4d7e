import { expect, test, vi } from 'vitest';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { isOutcome } from '../../../shared/jobs/outcome.ts';
import { isPermanent } from '../../../shared/jobs/permanentError.ts';

test('outcomes and errors of a second copy of the library are taken for what they are', async () => {
  vi.resetModules();
  const outcome = await import('../../../shared/jobs/outcome.ts');
  const error = await import('../../../shared/errors/MillraceError.ts');
  const permanent = await import('../../../shared/jobs/permanentError.ts');
  expect(outcome.isOutcome).not.toBe(isOutcome);
  for (const made of [outcome.done(), outcome.retry('1s'), outcome.snooze('1s'), outcome.dead('no')]) expect(isOutcome(made)).toBe(true);
  expect(isOutcome({ type: 'done' })).toBe(false);
  expect(isMillraceError(new error.MillraceError('TIMEOUT'), 'TIMEOUT')).toBe(true);
  expect(isMillraceError(new error.MillraceError('TIMEOUT'), 'SHUTDOWN')).toBe(false);
  expect(isPermanent(new permanent.PermanentError('no'))).toBe(true);
  expect(isPermanent(permanent.permanent(Object.freeze(new Error('no'))))).toBe(true);
  expect(isPermanent(new Error('no'))).toBe(false);
});
