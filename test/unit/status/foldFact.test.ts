import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BurialFact, DiscardFact, EnqueuedFact, EventFact, Fact, RedrivenFact, StandingFact } from '../../../shared/status/fact.ts';
import { foldFact } from '../../../shared/status/foldFact.ts';
import type { JobRow } from '../../../shared/status/jobRow.ts';
import type { JobState } from '../../../shared/status/jobState.ts';

const enqueued = (change: Partial<EnqueuedFact> = {}): EnqueuedFact => ({
  type: 'enqueued', partition: 0, place: 7, id: 'job-7', kind: 'mail.send', key: 'ada', createdMs: 900, enqueuedMs: 1000, notBeforeMs: null,
  source: '/shop', valueBytes: 3, payload: '{"to":"ada"}', payloadFlaw: null, ...change,
});
const event = (type: string, change: Partial<EventFact> = {}): EventFact => ({
  type: 'event', partition: 0, place: 7, event: type, id: 'job-7', kind: 'mail.send', key: 'ada', attempt: 1, atMs: 2000, worker: 'w1', epoch: 3,
  reason: null, dueMs: null, error: null, progress: null, note: null, result: null, ...change,
});
const standing = (type: StandingFact['standing'], change: Partial<StandingFact> = {}): StandingFact => ({
  type: 'standing', standing: type, partition: 0, place: 7, id: 'job-7', kind: 'mail.send', key: 'ada', enqueuedMs: 1000, atMs: 5000, attempt: 2, reason: null, dueMs: null, error: null, ...change,
});
const burial = (offset: number): BurialFact => ({ type: 'burial', partition: 0, place: 7, id: 'job-7', kind: 'mail.send', key: 'ada', burial: offset, atMs: 2050, error: null });
const discard = (offset: number): DiscardFact => ({ type: 'discard', partition: 0, place: 7, id: 'job-7', burial: offset, note: 'not worth it', atMs: 9000 });
const redriven = (offset: number): RedrivenFact => ({ type: 'redriven', partition: 0, place: 7, burial: offset, atMs: 6500 });
const fold = (...facts: readonly Fact[]): JobRow | null => facts.reduce<JobRow | null>((row, fact) => foldFact(row, fact), null);
const failed = { code: 'TIMEOUT', message: 'no answer from 10.0.0.1 in 3000 ms' };

describe('folding facts into a job', () => {
  const table: readonly [what: string, facts: readonly Fact[], state: JobState, more: Partial<JobRow>][] = [
    ['a main record alone', [enqueued()], 'queued', { dueMs: null, known: true, told: false }],
    ['a main record that is not to run yet', [enqueued({ notBeforeMs: 9000 })], 'scheduled', { dueMs: 9000 }],
    ['a main record whose time had come when it was sent', [enqueued({ notBeforeMs: 500 })], 'queued', { dueMs: null, notBeforeMs: 500 }],
    ['an event before its main record', [event('started')], 'running', { known: false, key: 'ada', kind: 'mail.send', enqueuedMs: 2000 }],
    ['one attempt that did', [enqueued(), event('done')], 'done', { finishedMs: 2000, attempt: 1, startedMs: null }],
    ['a result', [enqueued(), event('done', { result: '{"sent":1}' })], 'done', { result: '{"sent":1}' }],
    ['a failed attempt', [enqueued(), event('waiting', { reason: 'retry', dueMs: 3000, error: failed })], 'waiting', { reason: 'retry', dueMs: 3000, errorCode: 'TIMEOUT', finishedMs: null }],
    ['a failure that was overcome', [enqueued(), event('waiting', { reason: 'retry', error: failed }), event('done', { attempt: 2, atMs: 2500 })], 'done', { errorCode: null, fingerprint: null, attempt: 2 }],
    ['a line-up behind another job', [enqueued(), event('waiting', { reason: 'behind', attempt: 0 })], 'waiting', { reason: 'behind', attempt: 0 }],
    ['a wait for its time', [enqueued({ notBeforeMs: 9000 }), event('waiting', { reason: 'scheduled', dueMs: 9000, attempt: 0 })], 'scheduled', { dueMs: 9000 }],
    ['a reason of a later version', [enqueued(), event('waiting', { reason: 'moonlight' })], 'waiting', { reason: 'moonlight' }],
    ['a burial', [enqueued(), event('buried', { reason: 'attempts', error: failed })], 'dead', { reason: 'attempts', finishedMs: 2000, errorMessage: failed.message }],
    ['a burial that holds its lane', [enqueued(), event('buried', { reason: 'dead', error: failed }), event('waiting', { reason: 'held', atMs: 2001 })], 'dead', { reason: 'held', finishedMs: null, errorCode: 'TIMEOUT' }],
    ['a redrive', [enqueued(), event('buried', { reason: 'dead', error: failed }), event('redriven', { atMs: 3000, attempt: 0 })], 'queued', { attempt: 0, finishedMs: null, errorCode: null }],
    ['a discard', [enqueued(), event('buried', { reason: 'dead' }), event('discarded', { atMs: 3000 })], 'cancelled', { reason: 'discarded', finishedMs: 3000 }],
    ['a cancellation', [enqueued(), event('cancelled', { note: 'not needed' })], 'cancelled', { reason: 'cancelled', note: 'not needed' }],
    ['a double', [enqueued(), event('duplicate')], 'cancelled', { reason: 'duplicate', duplicate: true }],
    ['progress', [enqueued(), event('started'), event('progress', { progress: 0.5, note: 'half', atMs: 2100 })], 'running', { progress: 0.5, note: 'half', entries: 2 }],
    ['the last progress of each attempt', [enqueued(), event('started'), event('progress', { progress: 0.2, atMs: 2100 }), event('progress', { progress: 0.5, note: 'half', atMs: 2200 }), event('waiting', { reason: 'retry', atMs: 2300 }), event('started', { attempt: 2, atMs: 2400 }), event('progress', { attempt: 2, progress: 0.1, atMs: 2500 })],
      'running', { progress: 0.1, note: null, entries: 5, timeline: [expect.objectContaining({ n: 1 }), expect.objectContaining({ n: 2, type: 'progress', progress: 0.5, note: 'half' }), expect.objectContaining({ n: 3 }), expect.objectContaining({ n: 4 }), expect.objectContaining({ n: 5, progress: 0.1 })] as never }],
    ['a new attempt from its beginning', [enqueued(), event('started'), event('progress', { progress: 0.5, note: 'half', atMs: 2100 }), event('started', { attempt: 2, atMs: 2200, epoch: 4 })], 'running', { progress: null, note: null }],
    ['progress that was told twice', [enqueued(), event('started'), event('progress', { progress: 0.2, atMs: 2100 }), event('progress', { progress: 0.5, atMs: 2200 }), event('progress', { progress: 0.2, atMs: 2100 })], 'running', { progress: 0.5, entries: 2 }],
    ['progress that comes when it waits', [enqueued(), event('waiting', { reason: 'retry' }), event('progress', { progress: 0.2, atMs: 2100 })], 'waiting', { progress: null }],
    ['a dead letter that is read before all else', [burial(4), enqueued({ notBeforeMs: 9000 })], 'scheduled', { burial: 4, dueMs: 9000, changedMs: 1000 }],
    ['the last of several dead letters', [enqueued(), burial(4), burial(9), burial(7), event('buried', { reason: 'dead' })], 'dead', { burial: 9 }],
    ['the dead letter of another job that once stood here', [enqueued(), { ...burial(4), id: 'of-old' }], 'queued', { burial: null }],
    ['a dead job that was given up', [enqueued(), event('buried', { reason: 'dead', error: failed }), burial(4), discard(4)], 'cancelled', { reason: 'discarded', discardNote: 'not worth it', finishedMs: 2000, errorCode: 'TIMEOUT' }],
    ['one that was given up before its events are read', [enqueued(), burial(4), discard(4), event('buried', { reason: 'dead' })], 'cancelled', { reason: 'discarded' }],
    ['one that was given up, redriven and buried again', [enqueued(), burial(4), discard(4), event('buried', { reason: 'dead' }), event('redriven', { atMs: 2100 }), event('buried', { reason: 'attempts', atMs: 2200 }), burial(5)], 'dead', { reason: 'attempts' }],
    ['one that holds its lane until its owner lets it go', [enqueued(), event('buried', { reason: 'dead' }), event('waiting', { reason: 'held', atMs: 2001 }), burial(4), discard(4)], 'dead', { reason: 'held', finishedMs: null }],
    ['one whose events are gone, given up', [burial(4), standing('buried', { reason: 'attempts' }), discard(4)], 'cancelled', { reason: 'discarded' }],
    ['one whose events are gone, redriven since', [burial(4), standing('buried', { reason: 'attempts' }), redriven(4)], 'done', { reason: null }],
    ['the same, in another order', [burial(4), redriven(4), standing('buried', { reason: 'attempts' })], 'done', { reason: null }],
    ['the same, buried again', [burial(4), standing('buried', { reason: 'attempts' }), redriven(4), burial(6), standing('buried', { reason: 'dead', atMs: 6000 })], 'dead', { reason: 'dead', burial: 6 }],
    ['one whose events are gone, redriven, and waiting since', [standing('waits', { reason: 'retry', atMs: 7000 }), burial(4), standing('buried', { reason: 'attempts' }), redriven(4)], 'waiting', { reason: 'retry', finishedMs: null }],
    ['one that holds its lane, and whose events are gone', [burial(4), standing('buried', { reason: 'dead' }), standing('waits', { reason: 'held', atMs: 5001 })], 'dead', { reason: 'held', finishedMs: null }],
    ['one that was redriven, by its events', [enqueued(), event('buried', { reason: 'dead' }), burial(4), redriven(4)], 'dead', { reason: 'dead' }],
    ['the same, buried again since', [burial(4), standing('buried', { reason: 'attempts' }), discard(4), burial(6), standing('buried', { reason: 'dead' })], 'dead', { reason: 'dead' }],
    ['progress that comes when all is over', [enqueued(), event('done'), event('progress', { progress: 0.5 })], 'done', { progress: null, finishedMs: 2000 }],
    ['a repeat after a crash', [enqueued(), event('done'), event('started', { epoch: 4, atMs: 2600 })], 'running', { finishedMs: null, entries: 2 }],
    ['a publication that was sent twice', [enqueued(), event('started'), event('done', { atMs: 2500 }), event('started')], 'done', { entries: 2 }],
    ['a wait of the same reign that was told late', [enqueued(), event('done', { attempt: 2 }), event('waiting', { reason: 'behind', attempt: 1, atMs: 2100 })], 'done', { entries: 1, finishedMs: 2000 }],
    ['a wait of the next reign', [enqueued(), event('done'), event('waiting', { reason: 'behind', attempt: 0, atMs: 2100, epoch: 4 })], 'waiting', { entries: 2, finishedMs: null }],
    ['an event of a type that this version does not know', [enqueued(), event('teleported')], 'queued', { told: false, entries: 0 }],
    ['an event of another job that once stood here', [enqueued(), event('done', { id: 'job-of-old' })], 'queued', { told: false }],
    ['a topic made anew', [enqueued(), event('done'), enqueued({ id: 'new', enqueuedMs: 8000 })], 'queued', { id: 'new', entries: 0, finishedMs: null }],
    ['a dead letter whose events are gone', [enqueued(), standing('buried', { reason: 'attempts', error: failed })], 'dead', { reason: 'attempts', attempt: 2, finishedMs: 5000 }],
    ['a dead letter of which all else is gone', [standing('buried', { reason: 'attempts' })], 'dead', { known: false, enqueuedMs: 1000 }],
    ['a dead letter beside events', [enqueued(), event('redriven', { attempt: 0 }), standing('buried')], 'queued', { attempt: 0 }],
    ['a waiting record whose events are gone', [enqueued(), standing('waits', { reason: 'snoozed', dueMs: 7000 })], 'waiting', { reason: 'snoozed', dueMs: 7000 }],
    ['a tombstone under another key than the id', [enqueued(), standing('waits', { reason: 'retry' }), standing('gone', { id: 'job-7@7', atMs: 6000 })], 'done', { finishedMs: 6000 }],
    ['a tombstone after a dead letter', [enqueued(), standing('buried'), standing('gone')], 'dead', {}],
  ];
  it.each(table)('shows %s', (_, facts, state, more) => {
    expect(fold(...facts)).toMatchObject({ state, ...more });
  });

  it('keeps nothing of a tombstone alone', () => {
    expect(fold(standing('gone'))).toBeNull();
  });

  it('comes to the same end wherever the main record stands among the events', () => {
    const types = ['started', 'waiting', 'done', 'buried', 'redriven', 'discarded', 'progress', 'teleported', 'cancelled'];
    const facts = fc.array(fc.record({ type: fc.constantFrom(...types), attempt: fc.nat(3), reason: fc.constantFrom(null, 'retry', 'behind', 'held', 'scheduled'), hasError: fc.boolean() }), { maxLength: 8 });
    fc.assert(fc.property(facts, fc.option(fc.constant(9000), { nil: null }), fc.nat(8), (list, notBeforeMs, at) => {
      const events = list.map(({ type, attempt, reason, hasError }, index) => event(type, { attempt, reason, error: hasError ? failed : null, atMs: 2000 + index }));
      const main = enqueued({ notBeforeMs });
      expect(fold(...events.slice(0, at), main, ...events.slice(at))).toEqual(fold(main, ...events));
    }));
  });

  it('comes to the same end wherever dead letters and discards stand among the events', () => {
    const history = [enqueued(), event('buried', { reason: 'dead', error: failed }), event('redriven', { atMs: 2100, attempt: 0 }), event('started', { atMs: 2200 }), event('buried', { reason: 'attempts', atMs: 2300 })];
    // Each of the three topics keeps its order.
    fc.assert(fc.property(fc.array(fc.constantFrom(0, 1, 2), { minLength: 40, maxLength: 40 }), fc.constantFrom(4, 9), (turns, given) => {
      const topics: Fact[][] = [[...history], [burial(4), burial(9)], [discard(given)]];
      const order: Fact[] = [];
      for (const turn of turns) order.push(...topics[turn]?.splice(0, 1) ?? []);
      order.push(...topics.flat());
      // A discard that finds no row is kept, and told again with the burial.
      const told = order.flatMap((fact, at) => (fact.type === 'burial' && order.slice(0, at).some(({ type }) => type === 'discard') ? [fact, discard(given)] : [fact]));
      expect(fold(...told)).toEqual(fold(...history, burial(4), burial(9), discard(given)));
    }));
  });

  it('keeps the beginning and the end of a very long history, and counts all of it', () => {
    const row = fold(enqueued(), ...Array.from({ length: 500 }, (_, index) => event('waiting', { reason: 'retry', attempt: index, atMs: index })));
    expect(row?.entries).toBe(500);
    expect(row?.timeline).toHaveLength(100);
    expect(row?.timeline.at(0)?.n).toBe(1);
    expect(row?.timeline.at(19)?.n).toBe(20);
    expect(row?.timeline.at(20)?.n).toBe(421);
    expect(row?.timeline.at(-1)?.n).toBe(500);
  });
});
