import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTicker, nextTicks, readTiming } from '../../../shared/schedules/timing.ts';
import type { ScheduleTiming } from '../../../shared/schedules/schedule.ts';

const iso = (ms: number): string => new Date(ms).toISOString().slice(5, 16);
const ticksOf = (timing: ScheduleTiming, after: string, n: number): string[] => nextTicks(readTiming(timing), Date.parse(after), n).map(iso);
const berlin = (cron: string): ScheduleTiming => ({ cron, timezone: 'Europe/Berlin' });

describe('ticks', () => {
  // In Berlin, 2026-03-29 has no 02:00 to 02:59 (01:00Z is 03:00), and 2026-10-25 has them twice (00:00Z to 00:59Z, and 01:00Z to 01:59Z).
  it.each<[what: string, timing: ScheduleTiming, after: string, ticks: string[]]>([
    ['a time that the day lacks ticks once, at the first moment after the gap', berlin('30 2 * * *'), '2026-03-28T00:00:00Z', ['03-28T01:30', '03-29T01:00', '03-30T00:30']],
    ['the start of the gap does so too', berlin('0 2 * * *'), '2026-03-28T00:00:00Z', ['03-28T01:00', '03-29T01:00', '03-30T00:00']],
    ['half-hours go on over the gap', berlin('*/30 * * * *'), '2026-03-29T00:00:00Z', ['03-29T00:30', '03-29T01:00', '03-29T01:30']],
    ['hours go on over the gap', berlin('0 * * * *'), '2026-03-29T00:00:00Z', ['03-29T01:00', '03-29T02:00', '03-29T03:00']],
    ['a fixed time that the day has twice ticks at the first of them', berlin('30 2 * * *'), '2026-10-24T12:00:00Z', ['10-25T00:30', '10-26T01:30']],
    ['half-hours tick in both of the doubled hours', berlin('*/30 * * * *'), '2026-10-24T23:30:00Z', ['10-25T00:00', '10-25T00:30', '10-25T01:00', '10-25T01:30', '10-25T02:00']],
    ['hours tick in both', berlin('0 * * * *'), '2026-10-24T23:30:00Z', ['10-25T00:00', '10-25T01:00', '10-25T02:00']],
    ['so does a range of minutes in the doubled hour', berlin('*/20 2 * * *'), '2026-10-24T23:30:00Z', ['10-25T00:00', '10-25T00:20', '10-25T00:40', '10-25T01:00', '10-25T01:20', '10-25T01:40', '10-26T01:00']],
    ['clocks that change by half an hour', { cron: '15 2 * * *', timezone: 'Australia/Lord_Howe' }, '2026-10-02T14:00:00Z', ['10-02T15:45', '10-03T15:30', '10-04T15:15']],
    ['a span knows nothing of clocks', { every: '30m' }, '2026-10-24T23:30:00Z', ['10-25T00:00', '10-25T00:30', '10-25T01:00']],
    ['a span is anchored in 1970, not when it was put', { every: '7m', offset: '90s' }, '1970-01-01T00:07:00Z', ['01-01T00:08', '01-01T00:15']],
    ['a start and an end are ticks too', { every: '10m', startAt: new Date('2026-01-01T00:20:00Z'), endAt: new Date('2026-01-01T00:40:00Z') }, '2026-01-01T00:00:00Z', ['01-01T00:20', '01-01T00:30', '01-01T00:40']],
    ['a leap day', { cron: '0 0 29 2 *' }, '2026-01-01T00:00:00Z', ['02-29T00:00', '02-29T00:00']],
    ['seconds', { cron: '*/20 * * * * *' }, '2026-01-01T00:00:00.500Z', ['01-01T00:00', '01-01T00:00', '01-01T00:01']],
    ['a day that no year has never ticks', { cron: '0 0 30 2 *' }, '2026-01-01T00:00:00Z', []],
  ])('%s', (_what, timing, after, ticks) => {
    expect(ticksOf(timing, after, ticks.length || 3)).toEqual(ticks);
  });

  it('counts and looks back over any stretch as if it went from tick to tick', () => {
    const timings = fc.oneof(
      fc.constantFrom('*/30 * * * *', '30 2 * * *', '*/7 1-3 * * *', '0 0 * * 0', '15,45 2,3 * * *', '*/20 * * * * *').chain((cron) => fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC').map((timezone): ScheduleTiming => ({ cron, timezone }))),
      fc.integer({ min: 20, max: 5000 }).map((seconds): ScheduleTiming => ({ every: `${seconds}s` })),
    );
    const around = fc.constantFrom('2026-03-29T00:00:00Z', '2026-10-25T00:00:00Z', '2026-11-01T05:00:00Z', '2026-04-04T15:00:00Z', '2026-06-01T00:00:00Z').chain((at) => fc.integer({ min: -7_200_000, max: 7_200_000 }).map((by) => Date.parse(at) + by));
    fc.assert(fc.property(timings, around, fc.integer({ min: 0, max: 20_000_000 }), fc.integer({ min: 1, max: 20 }), (timing, afterMs, spanMs, max) => {
      const ticker = createTicker(readTiming(timing));
      const walked: number[] = [];
      for (let tick = ticker.next(afterMs); tick !== null && tick <= afterMs + spanMs && walked.length < 1500; tick = ticker.next(tick)) walked.push(tick);
      expect(ticker.last(afterMs, afterMs + spanMs, max)).toEqual(walked.slice(-max));
      expect(ticker.count(afterMs, afterMs + spanMs, max)).toBe(Math.min(max, walked.length));
    }), { numRuns: 150 });
  });
});
