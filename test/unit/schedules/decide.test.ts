import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adoptDefinition, advance, applyCommand, cancelTold, fireAtMs, nextDueMs, runAcked, runEnded, runSighted, type Rules } from '../../../shared/schedules/decide.ts';
import type { Definition } from '../../../shared/schedules/definition.ts';
import { overlapPolicies, type OverlapPolicy } from '../../../shared/schedules/schedule.ts';
import type { ScheduleState } from '../../../shared/schedules/scheduleState.ts';
import { createTicker, readTiming } from '../../../shared/schedules/timing.ts';

const MINUTE = 60_000;
const PUT = Date.UTC(2026, 0, 1);

function rulesOf(given: Partial<Definition> = {}): Rules {
  const definition: Definition = {
    name: 's', kind: 'k', queue: 'q', key: null, value: Buffer.alloc(0), timing: readTiming({ every: '1m' }), overlap: 'skip', catchUpMs: 86_400_000, jitterMs: 0, limit: null, note: null, putMs: PUT, ...given,
  };
  return { definition, ticker: createTicker(definition.timing), place: () => ({ partition: 0, from: 0 }) };
}

const fresh = ({ definition }: Rules): ScheduleState => adoptDefinition(definition, null, PUT);
const minutes = (list: readonly { readonly tickMs: number }[]): number[] => list.map(({ tickMs }) => (tickMs - PUT) / MINUTE);
const at = (minute: number): number => PUT + minute * MINUTE;
const ended = (rules: Rules, state: ScheduleState, minute: number): ScheduleState => {
  const [run] = state.runs.filter(({ awaited }) => awaited);
  return run === undefined ? state : runEnded(rules, state, run.id, 'done', at(minute));
};

describe('overlap', () => {
  it.each<[policy: OverlapPolicy, underWay: number[], buffered: number[], skipped: number, cancelled: number, afterEnd: number[]]>([
    ['skip', [1], [], 2, 0, []],
    ['buffer-one', [1], [2], 1, 0, [2]],
    ['buffer-all', [1], [2, 3], 0, 0, [2]],
    ['allow-all', [1, 2, 3], [], 0, 0, [1, 2, 3]],
    ['cancel-other', [1], [3], 1, 1, [3]],
    ['terminate-other', [1, 2, 3], [], 0, 2, [1, 2]],
  ])('%s: after three ticks, the first of which does not end', (overlap, underWay, buffered, skipped, cancelled, afterEnd) => {
    const rules = rulesOf({ overlap });
    let state = fresh(rules);
    for (const minute of [1, 2, 3]) state = advance(rules, state, at(minute));
    expect([minutes(state.runs), minutes(state.buffer), state.counts.skipped, state.counts.cancelled]).toEqual([underWay, buffered, skipped, cancelled]);
    expect(minutes(ended(rules, state, 4).runs)).toEqual(afterEnd);
  });

  it('keeps a run that is terminated until its worker can be told, and then no longer', () => {
    const rules = rulesOf({ overlap: 'terminate-other' });
    let state = advance(rules, advance(rules, fresh(rules), at(1)), at(2));
    const [first, second] = state.runs;
    expect(state.runs.map(({ cancel, awaited }) => [cancel, awaited])).toEqual([['asked', false], ['no', true]]);
    expect(cancelTold(state, first?.id ?? '').runs).toHaveLength(2);
    state = cancelTold(runAcked(state, first?.id ?? '', 7), first?.id ?? '');
    expect(state.runs.map(({ id }) => id)).toEqual([second?.id]);
    expect(state.recent.map(({ end }) => end)).toEqual([null, 'terminated']);
  });

  it('follows no run of a schedule whose runs may be many at once', () => {
    const rules = rulesOf({ overlap: 'allow-all' });
    const state = advance(rules, fresh(rules), at(1));
    expect(runAcked(state, state.runs[0]?.id ?? '', 3).runs).toEqual([]);
  });

  it('goes by what an event says of a job\'s place, not by the ack of a second record of it', () => {
    const rules = rulesOf();
    const state = advance(rules, fresh(rules), at(1));
    const id = state.runs[0]?.id ?? '';
    expect(runAcked(runSighted(state, id, 4), id, 9).runs[0]?.offset).toBe(4);
    expect(runSighted(runAcked(state, id, 9), id, 4).runs[0]?.offset).toBe(4);
  });
});

describe('catching up', () => {
  it.each<[what: string, given: Partial<Definition>, downUntil: number, runs: number, missed: number, skipped: number]>([
    ['makes up for what is within the window', { overlap: 'allow-all', catchUpMs: 10 * MINUTE }, 60, 11, 49, 0],
    ['runs the first of a burst, where others may not be beside it', { catchUpMs: 10 * MINUTE }, 60, 1, 49, 10],
    ['makes up for a thousand at most, the newest', { overlap: 'allow-all', catchUpMs: 365 * 1440 * MINUTE }, 1500, 1000, 500, 0],
    ['counts the rest up to a thousand', { overlap: 'allow-all', catchUpMs: 365 * 1440 * MINUTE }, 9000, 1000, 1000, 0],
    ['stops at the limit', { overlap: 'allow-all', limit: 3 }, 60, 3, 0, 0],
    ['stops at the end', { overlap: 'allow-all', timing: readTiming({ every: '1m', endAt: new Date(at(5)) }) }, 60, 5, 0, 0],
  ])('%s', (_what, given, downUntil, runs, missed, skipped) => {
    const rules = rulesOf(given);
    const state = advance(rules, fresh(rules), at(downUntil));
    expect([state.runs.length, state.counts.missed, state.counts.skipped]).toEqual([runs, missed, skipped]);
    expect(advance(rules, state, at(downUntil))).toBe(state);
  });

  it('does not miss a tick that was due at this very moment, nor one that its jitter holds back beyond the window', () => {
    const rules = rulesOf({ catchUpMs: 10_000, jitterMs: 50_000 });
    let state = fresh(rules);
    for (let now = PUT; now <= at(60); now += 500) {
      state = advance(rules, state, now);
      for (const { id } of state.runs) state = runEnded(rules, state, id, 'done', now);
    }
    // The jitter of the last may not be over.
    expect(state.counts).toMatchObject({ missed: 0, skipped: 0 });
    expect(state.counts.started).toBeGreaterThanOrEqual(59);
  });
});

describe('a definition that is put again', () => {
  const rules = rulesOf();
  const state = advance(rules, fresh(rules), at(1));
  it('changes nothing of the past when its timing is the same', () => {
    expect(adoptDefinition({ ...rules.definition, putMs: at(9), note: 'new' }, state, at(9))).toBe(state);
  });
  it('has no past ticks when its timing is another', () => {
    const other = rulesOf({ timing: readTiming({ every: '2m' }), putMs: at(9) });
    expect(nextDueMs(other, adoptDefinition(other.definition, state, at(9)))).toBe(at(10));
  });
  it('begins now, not later, when it was put by a clock that is ahead', () => {
    const ahead = rulesOf({ putMs: at(600) });
    expect(nextDueMs(ahead, adoptDefinition(ahead.definition, null, at(3)))).toBe(at(4));
  });
  it('drops what was to be sent to another queue', () => {
    expect(adoptDefinition({ ...rules.definition, queue: 'other' }, state, at(2)).runs).toEqual([]);
    expect(adoptDefinition({ ...rules.definition, queue: 'other' }, runAcked(state, state.runs[0]?.id ?? '', 1), at(2)).runs).toHaveLength(1);
  });
});

describe('commands', () => {
  const base = { id: 'c1' };
  it('decide on the ticks before them first, however late they are read', () => {
    const rules = rulesOf({ overlap: 'allow-all' });
    let state = applyCommand(rules, fresh(rules), { ...base, type: 'pause', atMs: at(2.5), note: 'x' }, 5, at(30));
    expect([minutes(state.runs), state.paused?.note, state.appliedTo]).toEqual([[1, 2], 'x', 5]);
    state = applyCommand(rules, state, { ...base, type: 'resume', atMs: at(10.5) }, 6, at(30));
    expect([state.counts.pausedOver, state.paused]).toEqual([8, null]);
    expect(minutes(advance(rules, state, at(12)).runs)).toEqual([1, 2, 11, 12]);
  });

  it('hold in a pause what waits for its turn, but not what somebody asks for', () => {
    const rules = rulesOf({ overlap: 'buffer-one' });
    let state = advance(rules, advance(rules, fresh(rules), at(1)), at(2));
    state = applyCommand(rules, state, { ...base, type: 'pause', atMs: at(2.5), note: null }, 5, at(2.5));
    state = ended(rules, state, 3);
    expect([state.runs, minutes(state.buffer)]).toEqual([[], [2]]);
    state = applyCommand(rules, state, { ...base, type: 'run-now', atMs: at(3.5), overlap: null }, 6, at(3.5));
    expect([minutes(state.runs), minutes(state.buffer)]).toEqual([[3.5], [2]]);
    state = applyCommand(rules, ended(rules, state, 4), { ...base, type: 'resume', atMs: at(5.5) }, 7, at(5.5));
    expect([minutes(state.runs), minutes(state.buffer)]).toEqual([[2], []]);
  });

  it('backfill ticks one after the other, under ids of their own', () => {
    const rules = rulesOf();
    let state = applyCommand(rules, { ...fresh(rules), cursorMs: at(60) }, { ...base, type: 'backfill', atMs: at(60), fromMs: at(10), toMs: at(12), overlap: 'buffer-all' }, 5, at(60));
    const ids: string[] = [];
    for (; state.runs.length > 0; state = ended(rules, state, 60)) ids.push(state.runs[0]?.id ?? '');
    expect(ids).toEqual(['s@2026-01-01T00:10:00.000Z/c1', 's@2026-01-01T00:11:00.000Z/c1', 's@2026-01-01T00:12:00.000Z/c1']);
    expect(state.counts).toMatchObject({ started: 3, ticked: 0 });
  });
});

it('the jitter of a tick is the same for everybody, and never carries it past the next', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 0, max: 100_000 }), (jitterMs, minute) => {
    const { definition, ticker } = rulesOf({ jitterMs });
    const fired = fireAtMs(definition, ticker, at(minute));
    expect(fired).toBe(fireAtMs(definition, createTicker(definition.timing), at(minute)));
    expect(fired - at(minute)).toBeGreaterThanOrEqual(0);
    expect(fired - at(minute)).toBeLessThan(Math.min(jitterMs, MINUTE));
  }));
});

it('accounts for every tick, whatever the policy and however runs end, and keeps to it', () => {
  const happening = fc.oneof(
    fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 30 * MINUTE }) }),
    fc.record({ type: fc.constant('end' as const), which: fc.nat(5) }), fc.record({ type: fc.constant('end' as const), which: fc.nat(5) }),
    fc.record({ type: fc.constantFrom('pause' as const, 'resume' as const) }),
  );
  fc.assert(fc.property(fc.constantFrom(...overlapPolicies), fc.integer({ min: 10_000, max: 60 * MINUTE }), fc.array(happening, { maxLength: 60 }), (overlap, catchUpMs, story) => {
    const rules = rulesOf({ overlap, catchUpMs });
    let state = fresh(rules);
    let nowMs = PUT;
    let offset = 0;
    for (const what of story) {
      switch (what.type) {
        case 'pass':
          nowMs += what.ms;
          state = advance(rules, state, nowMs);
          break;
        case 'end': {
          const run = state.runs[what.which % Math.max(1, state.runs.length)];
          if (run !== undefined) state = runEnded(rules, state, run.id, 'done', nowMs);
          break;
        }
        case 'pause': case 'resume':
          state = applyCommand(rules, state, what.type === 'pause' ? { type: 'pause', id: 'c', atMs: nowMs, note: null } : { type: 'resume', id: 'c', atMs: nowMs }, ++offset, nowMs);
      }
      const { started, skipped, missed, pausedOver } = state.counts;
      expect(started + skipped + missed + pausedOver + state.buffer.length).toBe(Math.floor((nowMs - PUT) / MINUTE));
      if (overlap !== 'allow-all') expect(state.runs.filter(({ awaited }) => awaited).length).toBeLessThan(2);
      if (state.paused === null && !state.runs.some(({ awaited }) => awaited)) expect(state.buffer).toEqual([]);
      expect(new Set(state.runs.map(({ id }) => id)).size).toBe(state.runs.length);
    }
  }), { numRuns: 300 });
});
