import { expect, test } from 'vitest';
import { installMovableDate } from '../../chaos/worker/movableDate.ts';

test('a moved wall clock is moved for whoever asks what time it is, and for nobody else', () => {
  const scope = { Date };
  const move = installMovableDate(scope);
  const HOUR_MS = 3_600_000;
  move(HOUR_MS);
  for (const saidMs of [scope.Date.now(), new scope.Date().getTime()]) expect(Math.abs(saidMs - Date.now() - HOUR_MS)).toBeLessThan(1000);
  expect(new scope.Date(5).getTime()).toBe(5);
  expect(new scope.Date('2020-01-01T00:00:00Z').toISOString()).toBe('2020-01-01T00:00:00.000Z');
  expect(new scope.Date() instanceof scope.Date).toBe(true);
  move(0);
  expect(Math.abs(scope.Date.now() - Date.now())).toBeLessThan(1000);
});
