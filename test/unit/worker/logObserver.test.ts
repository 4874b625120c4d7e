import { expect, test } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createVirtualClock } from '../../../shared/testing/index.ts';
import { createLogObserver } from '../../../shared/worker/logObserver.ts';

test('says a trouble that goes on once in five seconds, with how often it came', async () => {
  const clock = createVirtualClock(0);
  const lines: { unsaid: number }[] = [];
  const logger = createLogger({ level: 'info', service: 'test', clock, destination: { write: (line) => { lines.push(JSON.parse(line) as { unsaid: number }); } } });
  const observer = createLogObserver(logger, 'q', clock);
  for (let step = 0; step < 100; step++) {
    observer.trouble(new MillraceError('BROKER_UNAVAILABLE'));
    await clock.advance(100);
  }
  expect(lines.map(({ unsaid }) => unsaid)).toEqual([0, 49]);
  observer.trouble(new MillraceError('BROKER_REFUSED'));
  expect(lines).toHaveLength(3);
});
