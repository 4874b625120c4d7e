import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createService, runServices, type RunOptions, type Service, type StopSignal } from '../../../shared/runtime/service.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: resolve };
}

function setUp(given: Partial<RunOptions> = {}) {
  const clock = createVirtualClock(0);
  const journal: string[] = [];
  let listener: ((signal: StopSignal) => void) | null = null;
  const options: RunOptions = {
    logger: createLogger({ level: 'silent', service: 'test', clock }), clock, random: () => 0.5, startJitterMs: 0, stopTimeoutMs: 10_000,
    onSignal(each) {
      listener = each;
      return () => { listener = null; };
    },
    ...given,
  };
  const service = (name: string, work: Partial<Record<'start' | 'stop', () => Promise<unknown>>> = {}): Service => createService(name, {
    async start() {
      journal.push(`${name} starts`);
      await work.start?.();
    },
    async stop() {
      journal.push(`${name} stops`);
      await work.stop?.();
    },
  });
  return { clock, journal, options, service, signal: (name: StopSignal) => { listener?.(name); }, listening: () => listener !== null };
}

describe('a service', () => {
  it('has its start interrupted by a stop that meets it, and only then', async () => {
    const interrupted: string[] = [];
    const away = gate();
    const waiting = createService('waiting', { start: () => away.promise, stop: () => Promise.resolve(), interrupt: () => { interrupted.push('waiting'); away.open(); } });
    void waiting.start();
    await waiting.stop();
    const running = createService('running', { start: () => Promise.resolve(), stop: () => Promise.resolve(), interrupt: () => { interrupted.push('running'); } });
    await running.start();
    await running.stop();
    expect(interrupted).toEqual(['waiting']);
  });

  it('starts once and stops once, however often it is asked', async () => {
    const { service, journal } = setUp();
    const one = service('a');
    await Promise.all([one.start(), one.start()]);
    await Promise.all([one.stop(), one.stop()]);
    expect(journal).toEqual(['a starts', 'a stops']);
  });

  it('finishes its start before it stops, and cannot start again', async () => {
    const { service, journal } = setUp();
    const started = gate();
    const one = service('a', { start: () => started.promise.then(() => journal.push('a is up')) });
    const starting = one.start();
    const stopping = one.stop();
    started.open();
    await Promise.all([starting, stopping]);
    expect(journal).toEqual(['a starts', 'a is up', 'a stops']);
    await expect(one.start()).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });

  it('cleans up after a start that failed, and does nothing if it never started', async () => {
    const { service, journal } = setUp();
    const failing = service('a', { start: () => Promise.reject(new Error('no')) });
    await expect(failing.start()).rejects.toThrow('no');
    await failing.stop();
    await service('b').stop();
    expect(journal).toEqual(['a starts', 'a stops']);
  });
});

describe('a run', () => {
  it('starts in order, and after a signal stops in the opposite order', async () => {
    const { service, journal, options, signal, clock, listening } = setUp();
    const run = runServices([service('a'), service('b')], options);
    await clock.advance(0);
    expect(journal).toEqual(['a starts', 'b starts']);
    signal('SIGTERM');
    expect(await run).toBe('stopped');
    expect(journal.slice(2)).toEqual(['b stops', 'a stops']);
    expect(listening()).toBe(false);
    expect(clock.pendingTimers()).toBe(0);
  });

  it('waits a part of the jitter before it starts', async () => {
    const { service, journal, options, signal, clock } = setUp({ startJitterMs: 1000 });
    const run = runServices([service('a')], options);
    await clock.advance(499);
    expect(journal).toEqual([]);
    await clock.advance(1);
    expect(journal).toEqual(['a starts']);
    signal('SIGINT');
    expect(await run).toBe('stopped');
  });

  it('stops what had started when a start fails', async () => {
    const { service, journal, options } = setUp();
    expect(await runServices([service('a'), service('b', { start: () => Promise.reject(new Error('no')) }), service('c')], options)).toBe('start-failed');
    expect(journal).toEqual(['a starts', 'b starts', 'b stops', 'a stops']);
  });

  it('obeys a signal that comes during the start, and calls that no failure', async () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'warn', service: 'test', clock: createVirtualClock(0), destination: { write: (line) => { lines.push(line); } } });
    const { service, journal, options, signal, clock } = setUp({ logger });
    const started = gate();
    const run = runServices([service('a', { start: () => started.promise }), service('b')], options);
    await clock.advance(0);
    signal('SIGTERM');
    started.open();
    expect(await run).toBe('stopped');
    await clock.advance(0);
    expect(journal).toEqual(['a starts', 'a stops']);
    expect(lines).toEqual([]);
  });

  it.each([
    ['gives up', new MillraceError('NOT_RUNNING', { got: 'stopped during its start' }), 'stopped', ['info', 'info']],
    ['ends at what it waited for', new MillraceError('BROKER_UNAVAILABLE'), 'stopped', ['info', 'info']],
    ['shows a defect', new Error('no'), 'stopped', ['info', 'error']],
  ])('calls it no error when a start that a signal interrupts %s, but still tells defects', async (_, error, end, levels) => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', service: 'test', clock: createVirtualClock(0), destination: { write: (line) => { lines.push((JSON.parse(line) as { level: string }).level); } } });
    const { options, signal, clock } = setUp({ logger });
    const waiting = Promise.withResolvers<undefined>();
    const run = runServices([createService('waiting', { start: () => waiting.promise, stop: () => Promise.resolve(), interrupt: () => { waiting.reject(error); } })], options);
    await clock.advance(0);
    signal('SIGTERM');
    expect(await run).toBe(end);
    await clock.advance(0);
    expect(lines).toEqual(levels);
  });

  it('stops the others when one cannot', async () => {
    const { service, journal, options, signal, clock } = setUp();
    const run = runServices([service('a'), service('b', { stop: () => Promise.reject(new Error('no')) })], options);
    await clock.advance(0);
    signal('SIGTERM');
    expect(await run).toBe('stop-failed');
    expect(journal.slice(2)).toEqual(['b stops', 'a stops']);
  });

  it('does not wait for a stop beyond the deadline', async () => {
    const { service, options, signal, clock } = setUp();
    let end = '';
    const run = runServices([service('a', { stop: () => gate().promise })], options).then((how) => { end = how; });
    await clock.advance(0);
    signal('SIGTERM');
    await clock.advance(9999);
    expect(end).toBe('');
    await clock.advance(1);
    await run;
    expect(end).toBe('stop-failed');
  });

  it('does not wait at all after a second signal', async () => {
    const { service, options, signal, clock } = setUp();
    const run = runServices([service('a', { stop: () => gate().promise })], options);
    await clock.advance(0);
    signal('SIGINT');
    await clock.advance(1001);
    signal('SIGINT');
    expect(await run).toBe('forced');
  });

  it('takes two signals at once for one: npm passes on the Ctrl-C that the terminal has sent already', async () => {
    const { service, options, signal, clock } = setUp();
    const drained = gate();
    const run = runServices([service('a', { stop: () => drained.promise })], options);
    await clock.advance(0);
    signal('SIGINT');
    signal('SIGINT');
    await clock.advance(900);
    drained.open();
    expect(await run).toBe('stopped');
  });
});
