import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { classifyError } from '../../../shared/jobs/classifyError.ts';
import { cutUtf8 } from '../../../shared/jobs/cutUtf8.ts';
import { describeFailure } from '../../../shared/jobs/describeFailure.ts';
import { PermanentError, permanent } from '../../../shared/jobs/permanentError.ts';

const now = 1_790_000_000_000;
const none = { retryOn: [], buryOn: [] };
class CardRefused extends Error {
  readonly code = 'CARD_REFUSED';
}

const revoked = (() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy as unknown; })();
const cyclic = (() => { const error = new Error('a'); error.cause = new Error('b', { cause: error }); return error; })();
const hostile = Object.defineProperties(new Error('x'), Object.fromEntries(['name', 'message', 'code', 'cause', 'constructor'].map((name) => [name, { get: () => { throw new Error('no'); } }])));

describe('classifyError', () => {
  it('retries by default', () => {
    expect(classifyError(new Error('x'), none, now)).toMatchObject({ type: 'retry', afterMs: null, failure: { name: 'Error', message: 'x', at: now } });
  });

  it.each<[what: string, error: unknown]>([
    ['a PermanentError', new PermanentError('x')], ['a marked error', permanent(new TypeError('x'))],
    ['a marked frozen object', permanent(Object.freeze({}))], ['a marked string', permanent('x')],
  ])('buries %s', (_, error) => {
    expect(classifyError(error, none, now)).toMatchObject({ type: 'dead', reason: 'permanent' });
  });

  it.each<[what: string, matcher: Parameters<typeof classifyError>[1]['buryOn'][number]]>([
    ['class', CardRefused], ['base class', Error], ['code', 'CARD_REFUSED'], ['predicate', (error) => error instanceof CardRefused],
  ])('picks errors by %s', (_, matcher) => {
    expect(classifyError(new CardRefused('x'), { ...none, buryOn: [matcher] }, now).type).toBe('dead');
    expect(classifyError('other', { ...none, buryOn: [matcher] }, now).type).toBe('retry');
    expect(classifyError(permanent(new CardRefused('x')), { ...none, retryOn: [matcher] }, now).type).toBe('retry');
  });

  it('lets a job wait, and uses no attempt, when its lock is busy, its database away, or its attempt another worker\'s', () => {
    const anything = { retryOn: [], buryOn: [() => true] };
    expect(classifyError(new MillraceError('LOCK_BUSY', { retryAfterMs: 1234 }), anything, now)).toEqual({ type: 'snooze', forMs: 1234, reason: 'locked' });
    expect(classifyError(new MillraceError('EFFECTS_UNAVAILABLE'), anything, now)).toMatchObject({ type: 'snooze', forMs: 5000, reason: 'dependency-down', failure: { code: 'EFFECTS_UNAVAILABLE', at: now } });
    expect(classifyError(new MillraceError('FENCED'), anything, now)).toEqual({ type: 'snooze', forMs: 5000 });
    expect(classifyError(new MillraceError('LOCK_LOST'), none, now)).toMatchObject({ type: 'retry', failure: { code: 'LOCK_LOST' } });
    expect(classifyError(new MillraceError('LOCK_BUSY'), none, now, new MillraceError('TIMEOUT'))).toMatchObject({ type: 'retry', failure: { code: 'TIMEOUT' } });
  });

  it('asks retryOn before buryOn, so the two make an allow-list', () => {
    const policy = { retryOn: ['ECONNREFUSED'], buryOn: [() => true] };
    expect(classifyError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), policy, now).type).toBe('retry');
    expect(classifyError(new Error('x'), policy, now).type).toBe('dead');
  });

  it('takes a predicate that throws for one that picks nothing', () => {
    expect(classifyError(null, { ...none, buryOn: [(error) => (error as Error).message === 'x'] }, now).type).toBe('retry');
  });

  it.each(['SHUTDOWN', 'LEASE_LOST'] as const)('does not hold %s against the job, whatever the handler threw for it', (code) => {
    const reason = new MillraceError(code);
    const policy = { ...none, buryOn: [() => true] };
    expect(classifyError(reason, policy, now)).toEqual({ type: 'snooze', forMs: 0 });
    expect(classifyError(new DOMException('aborted', 'AbortError'), policy, now, reason)).toEqual({ type: 'snooze', forMs: 0 });
  });

  it('blames the timeout, not the error that it provoked', () => {
    const timeout = new MillraceError('TIMEOUT');
    const aborted = new DOMException('aborted', 'AbortError');
    expect(classifyError(aborted, none, now, timeout)).toMatchObject({ type: 'retry', failure: { code: 'TIMEOUT', name: 'MillraceError' } });
    expect(classifyError(aborted, { ...none, buryOn: ['TIMEOUT'] }, now, timeout).type).toBe('dead');
  });

  it('never throws, whatever was thrown', () => {
    const matchers = { retryOn: [CardRefused, 'X', (error: unknown) => (error as { a: { b: boolean } }).a.b], buryOn: [TypeError, 'Y'] };
    for (const thrown of [undefined, null, 0, NaN, 1n, Symbol('s'), () => 1, revoked, cyclic, hostile, Object.freeze(new Error('f')), Object.create(null), []]) {
      expect(['retry', 'dead', 'snooze']).toContain(classifyError(thrown, matchers, now).type);
      expect(classifyError(permanent(thrown), none, now).type).toBe('dead');
    }
    fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (thrown) => { classifyError(thrown, matchers, now); }));
  });
});

describe('describeFailure', () => {
  it.each<[what: string, thrown: unknown, expected: object]>([
    ['null', null, { code: 'ERROR', name: 'null', message: 'null' }],
    ['a string', 'out of paper', { code: 'ERROR', name: 'string', message: 'out of paper' }],
    ['an object', { a: 1 }, { code: 'ERROR', name: 'Object', message: 'an object with keys a' }],
    ['a class that sets no name', new CardRefused('no'), { code: 'CARD_REFUSED', name: 'CardRefused', message: 'no' }],
    ['a numeric code', Object.assign(new Error('x'), { code: 503 }), { code: '503' }],
    ['an object whose getters throw', hostile, { code: 'ERROR' }],
    ['a revoked proxy', revoked, { code: 'ERROR', message: 'a value that cannot be shown' }],
    ['a cycle of causes', cyclic, { message: 'a: b' }],
  ])('describes %s', (_, thrown, expected) => {
    expect(describeFailure(thrown, now)).toMatchObject({ ...expected, at: now });
  });

  it('tells what a fetch failed of', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    expect(describeFailure(new TypeError('fetch failed', { cause }), now)).toEqual({
      code: 'ECONNREFUSED', name: 'TypeError', message: 'fetch failed: connect ECONNREFUSED 127.0.0.1:1', at: now,
    });
  });

  it('fits in its bounds, and is well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 600, maxLength: 4000 }), (text) => {
        const { message, name } = describeFailure(Object.assign(new Error(text), { name: text }), now);
        expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2048);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(128);
        expect(message.isWellFormed()).toBe(true);
      }),
    );
  });

  it('cuts between characters, as late as it can', () => {
    expect(cutUtf8('aé€😀', 10)).toBe('aé€😀');
    expect(cutUtf8('aé€😀', 9)).toBe('aé€');
    expect(cutUtf8('aé€😀', 5)).toBe('aé');
    expect(cutUtf8('a\ud800b', 100)).toBe('a\ufffdb');
  });
});
