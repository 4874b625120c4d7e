import { describe, expect, it } from 'vitest';
import { DONE, dead, done, retry, snooze } from '../../../shared/jobs/outcome.ts';
import { readAnswer, readBatchAnswer } from '../../../shared/jobs/readAnswer.ts';

const now = 1_790_000_000_000;
const jobs = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];
const untouchable = new Proxy({}, { has: () => { throw new Error('no touching'); } });
const revoked = (() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy as unknown; })();

describe('a handler\'s answer', () => {
  it('is done when it is nothing, and itself when an outcome', () => {
    expect(readAnswer(undefined, now)).toBe(DONE);
    const outcome = snooze('1s');
    expect(readAnswer(outcome, now)).toBe(outcome);
  });

  it('of dead() gets its time', () => {
    expect(readAnswer(dead('no such account'), now)).toMatchObject({ type: 'dead', failure: { message: 'no such account', at: now } });
  });

  it.each([null, true, 'done', { type: 'done' }, [DONE], Symbol('x')])('%s is a failed attempt, not silent success', (answer) => {
    expect(readAnswer(answer, now)).toMatchObject({ type: 'retry', afterMs: null, failure: { code: 'BAD_ANSWER', at: now } });
  });
});

describe('an answer that hurts whoever looks at it', () => {
  it.each([['a proxy that cannot be asked', untouchable], ['a revoked proxy', revoked]])('(%s) is a failed attempt', (_, answer) => {
    expect(readAnswer(answer, now)).toMatchObject({ type: 'retry', failure: { code: 'BAD_ANSWER' } });
    expect(readBatchAnswer(jobs, [DONE, answer, DONE], now)).toMatchObject([{ type: 'done' }, { failure: { code: 'BAD_ANSWER' } }, { type: 'done' }]);
  });

  it('cannot be made of an outcome: those do not change', () => {
    for (const outcome of [DONE, done({ a: 1 }), retry('1s'), snooze('1s'), dead('x')]) expect(() => Object.assign(outcome, { type: 'other', afterMs: NaN })).toThrow(TypeError);
  });
});

describe('a batch handler\'s answer', () => {
  it('gives each job its own outcome, by id or by place', () => {
    const outcomes = [done(), retry('1s'), snooze('2s')];
    expect(readBatchAnswer(jobs, outcomes, now)).toEqual(outcomes);
    expect(readBatchAnswer(jobs, new Map(jobs.map(({ id }, i) => [id, outcomes[i]])), now)).toEqual(outcomes);
  });

  it('fails the jobs that it leaves out, and no others', () => {
    const leftOut = { type: 'retry', failure: { code: 'LEFT_OUT' } };
    expect(readBatchAnswer(jobs, new Map([['b', done()], ['z', done()]]), now)).toMatchObject([leftOut, { type: 'done' }, leftOut]);
    expect(readBatchAnswer(jobs, [done(), undefined, done()], now)).toMatchObject([{ type: 'done' }, leftOut, { type: 'done' }]);
  });

  it('fails an entry that is no outcome', () => {
    expect(readBatchAnswer(jobs, [done(), 'ok', null], now)).toMatchObject([{ type: 'done' }, { failure: { code: 'BAD_ANSWER' } }, { failure: { code: 'BAD_ANSWER' } }]);
  });

  it.each<[what: string, answer: unknown]>([['nothing', undefined], ['too few', [DONE]], ['too many', [DONE, DONE, DONE, DONE]], ['one outcome', DONE], ['a plain object', { a: DONE }]])(
    'that is %s fails every job',
    (_, answer) => {
      expect(readBatchAnswer(jobs, answer, now).map((outcome) => outcome.type === 'retry' && outcome.failure?.code)).toEqual(['LEFT_OUT', 'LEFT_OUT', 'LEFT_OUT']);
    },
  );

  it('that cannot be looked at fails every job', () => {
    expect(readBatchAnswer(jobs, revoked, now)).toHaveLength(3);
  });
});
