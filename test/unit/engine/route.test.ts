import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, decideRoute, routeUnknownKind, type Route } from '../../../shared/engine/route.ts';
import type { Outcome } from '../../../shared/jobs/outcome.ts';
import type { JobPolicy } from '../../../shared/jobs/policy.ts';

const NOW = 1_000_000;
const policy: JobPolicy = {
  kind: 'order.charge', queue: 'orders', order: 'strict', attempts: 3, backoff: { firstMs: 100, factor: 2, maxMs: 1000, jitter: 0 },
  timeoutMs: null, whenBuried: 'continue', delivery: 'at-least-once', batch: null,
};
const once: JobPolicy = { ...policy, attempts: 1, delivery: 'at-most-once' };
const retry: Outcome = { type: 'retry', afterMs: null, failure: null };
const dead: Outcome = { type: 'dead', reason: 'permanent', failure: null };
const wait = (untilMs: number, reason: 'retry' | 'snoozed', usesAttempt: boolean): Route => ({ type: 'wait', untilMs, reason, usesAttempt });

describe('decideRoute', () => {
  const table: [string, Outcome, number, JobPolicy, Route][] = [
    ['completes what is done', { type: 'done' }, 1, policy, { type: 'complete' }],
    ['completes what is done at the last attempt', { type: 'done' }, 3, policy, { type: 'complete' }],
    ['waits the first backoff after the first attempt', retry, 1, policy, wait(NOW + 100, 'retry', true)],
    ['waits longer after the second', retry, 2, policy, wait(NOW + 200, 'retry', true)],
    ['buries after the last attempt', retry, 3, policy, { type: 'bury', reason: 'attempts' }],
    ['buries when more attempts were made than the policy allows now', retry, 9, policy, { type: 'bury', reason: 'attempts' }],
    ['lets the handler choose the wait', { type: 'retry', afterMs: 7, failure: null }, 1, policy, wait(NOW + 7, 'retry', true)],
    ['does not let the handler retry beyond the policy', { type: 'retry', afterMs: 7, failure: null }, 3, policy, { type: 'bury', reason: 'attempts' }],
    ['snoozes without using an attempt, even at the last one', { type: 'snooze', forMs: 50 }, 3, policy, wait(NOW + 50, 'snoozed', false)],
    ['buries the dead at once, with their reason', dead, 1, policy, { type: 'bury', reason: 'permanent' }],
    ['never repeats at-most-once: a retry buries', retry, 1, once, { type: 'bury', reason: 'attempts' }],
    ['never repeats at-most-once: a snooze buries', { type: 'snooze', forMs: 50 }, 1, once, { type: 'bury', reason: 'attempts' }],
    ['never repeats at-most-once, whatever its number of attempts', retry, 1, { ...once, attempts: 5 }, { type: 'bury', reason: 'attempts' }],
  ];
  it.each(table)('%s', (_, outcome, attempt, rules, route) => {
    expect(decideRoute(outcome, attempt, rules, NOW, 0.5)).toEqual(route);
  });
});

describe('backoffMs', () => {
  const backoff = fc.record({ firstMs: fc.nat(10_000), factor: fc.double({ min: 1, max: 100, noNaN: true }), maxMs: fc.nat(1_000_000), jitter: fc.double({ min: 0, max: 1, noNaN: true }) });

  it('stays between the jittered and the full wait, and below the cap, for any attempt', () => {
    fc.assert(fc.property(backoff, fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (rules, attempt, random) => {
      const full = Math.min(rules.maxMs, rules.firstMs === 0 ? 0 : rules.firstMs * rules.factor ** (attempt - 1));
      const waited = backoffMs(rules, attempt, random);
      expect(waited).toBeLessThanOrEqual(Math.round(full));
      expect(waited).toBeGreaterThanOrEqual(Math.floor(full * (1 - rules.jitter)));
    }));
  });
});

describe('routeUnknownKind', () => {
  it('looks again and again, never later than the bound, and buries at the bound', () => {
    fc.assert(fc.property(fc.nat(100), fc.nat(3_600_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (tries, waitedMs, random) => {
      const boundMs = 3_600_000;
      const route = routeUnknownKind(tries, NOW, boundMs, NOW + waitedMs, random);
      if (waitedMs >= boundMs) expect(route).toEqual({ type: 'bury', reason: 'unknown-kind' });
      else {
        expect(route).toMatchObject({ type: 'wait', reason: 'unknown-kind', usesAttempt: false });
        const { untilMs } = route as { untilMs: number };
        expect(untilMs).toBeGreaterThan(NOW + waitedMs);
        expect(untilMs).toBeLessThanOrEqual(Math.max(NOW + boundMs, NOW + waitedMs + 1));
      }
    }));
  });
});
