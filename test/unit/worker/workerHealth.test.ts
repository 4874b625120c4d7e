import { describe, expect, it } from 'vitest';
import { Engine } from '../../../shared/engine/engine.ts';
import { defaultLimits } from '../../../shared/engine/engineOptions.ts';
import { reportHealth } from '../../../shared/runtime/health.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';
import { Pulse } from '../../../shared/worker/pulse.ts';
import { createWorkerChecks } from '../../../shared/worker/workerHealth.ts';

/** A runner that owns one partition which never gets open. */
function setUp() {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const engine = new Engine({ limits: defaultLimits, workerId: 'w', policies: new Map(), random: () => 0, recordBytes: () => 0, retain: () => undefined, release: () => undefined, hasValue: () => true, parse: () => null, sizeOf: () => 0 });
  engine.assigned({ partition: 0, main: { committed: null, startOffset: 0 }, retry: { committed: null, startOffset: 0, endOffset: 10 } }, clock.now());
  const seen = { fetchMs: clock.now(), coordinatorMs: clock.now() };
  const pulse = new Pulse(clock);
  const runner = { ready: false, highWatermarks: new Map([[0, 5]]), engine, pulse, lastSeen: () => seen };
  const checks = createWorkerChecks({ runners: () => [runner], clock, stallAfterMs: 20_000 });
  checks.watch();
  const seconds = async (count: number, kafka: 'answers' | 'is silent' | 'refuses') => {
    for (let i = 0; i < count; i += 1) {
      await clock.advance(1000);
      if (kafka !== 'is silent') Object.assign(seen, { fetchMs: clock.now(), coordinatorMs: clock.now() });
      pulse.turns += 1;
      if (kafka === 'refuses' && i % 8 === 0) pulse.refused();
    }
    return { live: reportHealth(checks.live), ready: reportHealth(checks.ready) };
  };
  return { seconds };
}

describe('a worker whose partition does not open', () => {
  it('is not live within 30 s, and says which partition it is, while Kafka answers', async () => {
    const { live, ready } = await setUp().seconds(30, 'answers');
    expect(live).toMatchObject({ ok: false, checks: { progress: { reason: expect.stringContaining('partition 0 is restoring') as unknown } } });
    expect(ready).toMatchObject({ ok: false, checks: { kafka: { ok: true } } });
  });

  it('is live while Kafka is away, but not ready: a restart would not help', async () => {
    const { live, ready } = await setUp().seconds(180, 'is silent');
    expect(live.ok).toBe(true);
    expect(ready).toMatchObject({ ok: false, checks: { kafka: { ok: false, reason: 'last answer 180 s ago' } } });
  });

  it('is live while Kafka answers and refuses', async () => {
    expect((await setUp().seconds(180, 'refuses')).live.ok).toBe(true);
  });
});
