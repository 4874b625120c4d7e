import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Sandbox } from '../../../shared/isolation/sandbox.ts';
import { SandboxPool, type Waiter } from '../../../shared/isolation/sandboxPool.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

const MAX_BYTES = 1000;
const turns = async (): Promise<void> => { for (let n = 0; n < 5; n++) await new Promise((resolve) => { setImmediate(resolve); }); };

interface FakeSandbox extends Sandbox {
  rssBytes: number;
  readonly load: () => void;
  readonly fail: () => void;
  readonly dead: boolean;
}

/** A pool whose sandboxes start, fail and die when the test says. */
function setUp(max: number, kinds: readonly string[] = ['a', 'b']) {
  const clock = createVirtualClock(0);
  const started: FakeSandbox[] = [];
  const pool = new SandboxPool({
    max, clock,
    kinds: new Map(kinds.map((kind) => [kind, { handler: `file:///${kind}.js`, maxMemoryBytes: MAX_BYTES }])),
    logger: createLogger({ level: 'silent', service: 'test', clock }),
    start(kind) {
      const ready = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      ready.promise.catch(() => undefined);
      let dead = false;
      const kill = (): void => { dead = true; gone.resolve(); };
      const sandbox: FakeSandbox = {
        kind, ready: ready.promise, gone: gone.promise, rssBytes: 0, kill, load: ready.resolve, get dead() { return dead; },
        fail: () => { ready.reject(new MillraceError('SANDBOX_NOT_STARTED')); kill(); },
        run: () => Promise.reject(new Error('not asked for')), abort: () => undefined,
      };
      started.push(sandbox);
      return sandbox;
    },
  });
  const called: string[] = [];
  const line = (name: string): Waiter & { here: boolean } => {
    const waiter = { here: true, isWaiting: () => waiter.here, call: () => { called.push(name); } };
    return waiter;
  };
  const loadAll = async (): Promise<void> => { for (const one of started) one.load(); await turns(); };
  const kinds_ = (): string => started.filter(({ dead }) => !dead).map(({ kind }) => kind).join('');
  return { clock, pool, started, called, line, loadAll, alive: kinds_ };
}

describe('the sandboxes of a worker', () => {
  it('are started as jobs want them, never more than the bound, and called for in line', async () => {
    const { pool, started, called, line, loadAll, alive } = setUp(2);
    const waiters = ['1', '2', '3', '4'].map(line);
    for (const waiter of waiters) { expect(pool.take('a', null)).toBeNull(); pool.wait('a', waiter); }
    expect(alive()).toBe('aa');
    await loadAll();
    expect(called).toEqual(['1', '2']);
    const [one, two] = [pool.take('a', waiters[0] as Waiter), pool.take('a', waiters[1] as Waiter)];
    expect(new Set([one, two])).toEqual(new Set(started));
    pool.release(one as Sandbox);
    expect(called).toEqual(['1', '2', '3']);
  });

  it('are kept for whom they were called for: who comes anew lines up', async () => {
    const { pool, called, line, loadAll } = setUp(1);
    const first = line('first');
    pool.wait('a', first);
    await loadAll();
    expect(called).toEqual(['first']);
    expect(pool.take('a', null)).toBeNull();
    expect(pool.take('a', first)).not.toBeNull();
  });

  it('are not kept for ever for one that does not come', async () => {
    const { clock, pool, called, line, loadAll } = setUp(1);
    const [lost, next] = [line('lost'), line('next')];
    pool.wait('a', lost);
    pool.wait('a', next);
    await loadAll();
    lost.here = false;
    await clock.advance(600);
    expect(called).toEqual(['lost', 'next']);
    expect(pool.take('a', next)).not.toBeNull();
  });

  it('make place for a kind that has none when they idle', async () => {
    const { pool, called, line, loadAll, alive } = setUp(1);
    const waiter = line('a');
    pool.wait('a', waiter);
    await loadAll();
    pool.release(pool.take('a', waiter) as Sandbox);
    expect(alive()).toBe('a');
    pool.wait('b', line('b'));
    expect(alive()).toBe('b');
    await loadAll();
    expect(called).toEqual(['a', 'b']);
  });

  it('do not let a busy kind keep all places from one that has none', async () => {
    const { pool, called, line, loadAll, alive } = setUp(1);
    let holder: Waiter = line('a0');
    pool.wait('a', holder);
    await loadAll();
    pool.wait('b', line('b'));
    for (let n = 1; n <= 5 && !called.includes('b'); n++) {
      const sandbox = pool.take('a', holder);
      if (sandbox === null) break;
      holder = line(`a${n}`);
      pool.wait('a', holder);
      pool.release(sandbox);
      await turns();
      await loadAll();
    }
    expect(called).toContain('b');
    expect(alive()).toBe('b');
  });

  it('are replaced when they died, and while they cannot be started their jobs wait', async () => {
    const { clock, pool, started, called, line, loadAll } = setUp(1);
    pool.wait('a', line('1'));
    started[0]?.fail();
    await turns();
    expect(started).toHaveLength(1);
    await clock.advance(1000);
    expect(started).toHaveLength(2);
    started[1]?.kill();
    started[1]?.fail();
    await clock.advance(1000);
    expect(started.length).toBeGreaterThan(2);
    await loadAll();
    expect(called).toEqual(['1']);
  });

  it('are replaced when an attempt left them little memory', async () => {
    const { pool, started, line, loadAll } = setUp(1);
    const waiter = line('1');
    pool.wait('a', waiter);
    await loadAll();
    const sandbox = pool.take('a', waiter) as FakeSandbox;
    sandbox.rssBytes = MAX_BYTES * 0.8;
    pool.release(sandbox);
    expect(started[0]?.dead).toBe(true);
    expect(pool.take('a', null)).toBeNull();
  });

  it('are tried once of each kind at the start, which fails with a module that cannot be loaded', async () => {
    const good = setUp(1);
    const start = good.pool.start();
    for (let n = 0; n < 3; n++) await good.loadAll();
    await start;
    expect(good.started.map(({ kind }) => kind)).toEqual(['a', 'b']);
    expect(good.alive()).toBe('b');
    const bad = setUp(2);
    const failing = bad.pool.start();
    bad.started[0]?.fail();
    await expect(failing).rejects.toMatchObject({ code: 'SANDBOX_NOT_STARTED' });
    await bad.pool.close();
  });

  it('all end when the worker stops, the busy ones too', async () => {
    const { pool, started, line, loadAll } = setUp(2);
    const waiter = line('1');
    pool.wait('a', waiter);
    await loadAll();
    pool.take('a', waiter);
    await pool.close();
    expect(started.every(({ dead }) => dead)).toBe(true);
  });
});
