import { expect, it } from 'vitest';
import { isMillraceError, type MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createBacklog, type BacklogLimits } from '../../../shared/intake/backlog.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

/** A queue of one partition whose ends the test moves. */
function scene(limits: BacklogLimits) {
  const clock = createVirtualClock(0);
  const log = { end: 0, settled: 0, down: false };
  const troubles: unknown[] = [];
  const backlog = createBacklog({
    clock, queues: ['q'], limits, pollMs: 1000, trouble: (_, error) => { troubles.push(error); },
    admin: {
      logBounds: async () => { if (log.down) throw new Error('down'); return [{ partition: 0, startOffset: 0, endOffset: log.end }]; },
      committed: async () => [{ partition: 0, position: { topic: 'q', offset: log.settled, metadata: '' } }],
    },
  });
  const refusal = (): MillraceError | null => {
    try {
      backlog.mustHaveRoom('q');
      return null;
    } catch (error) {
      if (isMillraceError(error, 'QUEUE_FULL')) return error;
      throw error;
    }
  };
  /** A second in which so many jobs come, and so many are settled. */
  const second = async (came: number, went: number): Promise<void> => {
    log.end += came;
    log.settled += went;
    await clock.advance(1000);
  };
  return { clock, log, troubles, backlog, refusal, second };
}

it('refuses at the limit before Kafka is asked again, and says when there will be room by the rate at which the queue drains', async () => {
  const { backlog, refusal, second, clock } = scene({ maxJobs: 1000, maxDrainMs: 1e12 });
  backlog.start();
  await clock.advance(0);
  for (let at = 0; at < 60; at += 1) await second(50, 50);
  for (let job = 0; job < 1000; job += 1) backlog.accepted('q');
  expect(backlog.figures('q')).toMatchObject({ lag: 1000, full: true });
  // 100 jobs must go until 90 % are reached, at 50 a second.
  expect(refusal()?.detail.retryAfterMs).toBeGreaterThan(1900);
  expect(refusal()?.detail.retryAfterMs).toBeLessThan(2200);
});

it('takes jobs again at nine tenths of the limit, not before', async () => {
  const { backlog, refusal, second, clock } = scene({ maxJobs: 1000, maxDrainMs: 1e12 });
  backlog.start();
  await clock.advance(0);
  await second(1000, 0);
  expect(refusal()?.detail.retryAfterMs).toBe(30_000);
  await second(0, 50);
  expect(refusal()).not.toBeNull();
  await second(0, 51);
  expect(refusal()).toBeNull();
});

it('refuses what would take too long to work off, however few it is beside the limit; but not for want of workers alone', async () => {
  const { backlog, refusal, second, clock } = scene({ maxJobs: 1e9, maxDrainMs: 60_000 });
  backlog.start();
  await clock.advance(0);
  await second(5000, 0);
  await second(0, 0);
  expect(refusal()).toBeNull();
  for (let at = 0; at < 60; at += 1) await second(10, 10);
  expect(refusal()).not.toBeNull();
});

it('goes on with the last figures while Kafka does not tell', async () => {
  const { backlog, refusal, second, clock, log, troubles } = scene({ maxJobs: 100, maxDrainMs: 1e12 });
  backlog.start();
  await clock.advance(0);
  await second(100, 0);
  log.down = true;
  await second(0, 100);
  expect(refusal()).not.toBeNull();
  expect(troubles).toHaveLength(1);
  log.down = false;
  await second(0, 0);
  expect(refusal()).toBeNull();
  backlog.stop();
});
