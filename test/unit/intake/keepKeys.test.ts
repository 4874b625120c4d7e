import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../../shared/engine/route.ts';
import { keepKeysMs } from '../../../shared/intake/keepKeys.ts';

const DAY_MS = 86_400_000;

const policy = fc.record({
  attempts: fc.integer({ min: 1, max: 200 }), timeoutMs: fc.option(fc.integer({ min: 1, max: DAY_MS })),
  backoff: fc.record({
    firstMs: fc.integer({ min: 0, max: DAY_MS }), factor: fc.double({ min: 1, max: 100, noNaN: true }), more: fc.integer({ min: 0, max: 365 * DAY_MS }), jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  }).map(({ more, ...backoff }) => ({ ...backoff, maxMs: backoff.firstMs + more })),
});

describe('idempotency keys', () => {
  test('are kept until the last attempt of the slowest kind has ended, of a job that was read when Kafka was about to delete it', () => {
    fc.assert(fc.property(fc.array(policy, { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: 30 * DAY_MS }), (policies, retentionMs) => {
      const kept = keepKeysMs(policies, retentionMs);
      for (const { attempts, backoff, timeoutMs } of policies) {
        let endMs = retentionMs;
        for (let attempt = 1; attempt <= attempts; attempt += 1) endMs += (timeoutMs ?? 0) + (attempt < attempts ? backoffMs(backoff, attempt, 0) : 0);
        // Each wait is rounded to a whole millisecond.
        expect(kept).toBeGreaterThanOrEqual(endMs - attempts);
      }
    }));
  });

  test('are kept for as long as a queue keeps its jobs where no kind is tried again', () => {
    expect(keepKeysMs([], DAY_MS)).toBe(DAY_MS);
    expect(keepKeysMs([{ attempts: 3, timeoutMs: 1000, backoff: { firstMs: 1000, factor: 10, maxMs: 5000, jitter: 0.5 } }], DAY_MS)).toBe(DAY_MS + 9000);
  });
});
