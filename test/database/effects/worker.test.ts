import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createMillrace, dead, defineJob, done, retry, type JobContext, type JobDefinition, type JobTransaction, type Millrace } from '../../../shared/index.ts';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import { takeLock } from '../../../shared/locks/lockTable.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createInProcessStarter } from '../../../shared/testing/inProcessSandbox.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';
import { createLogObserver } from '../../../shared/worker/logObserver.ts';
import type { EffectEnd } from '../../../shared/worker/attemptEffects.ts';
import { createWorkerEffects } from '../../../shared/worker/workerEffects.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { sampleJob } from '../../unit/worker/sampleJob.ts';
import { until } from '../../until.ts';

const silent = createLogger({ level: 'silent', service: 'test', clock: systemClock });
const soon = { attempts: 5, backoff: { first: '10ms', max: '20ms' } } as const;

/** A job that resolves `over` when its handler says so. */
function jobOf(handle: (ctx: JobContext, payload: JobV1) => Promise<unknown>, more: { queue?: string; lock?: (payload: JobV1) => string } = {}): JobDefinition<string, JobV1> {
  const { queue = 'effects', lock } = more;
  return defineJob({ kind: `${queue}.step`, queue, schema: jobV1, key: ({ orderId }: JobV1) => orderId, retry: soon, ...(lock === undefined ? {} : { lock }), handle: async (payload, ctx) => await handle(ctx, payload) as never });
}

describe.each(databaseKinds)('handlers with a database (%s)', (kind) => {
  let test: TestDatabase;
  let db: Database;
  const open: Millrace[] = [];
  const ends: EffectEnd[] = [];
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    db = test.database;
    await db.script('create table effects (job text, by text)');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    ends.length = 0;
    await db.script('delete from effects');
  });
  afterAll(() => test.close());

  const create = (database: Database | null = db): Millrace => {
    const millrace = createMillrace({
      brokers: [], registryUrl: '', registry: createMemoryRegistry(), logger: silent, topics: { partitions: 1, replicationFactor: 1 },
      broker: createMemoryCluster({ clock: systemClock, random: Math.random, latencyMs: () => 0 }).broker(),
      ...(database === null ? {} : { database }),
    });
    open.push(millrace);
    return millrace;
  };
  const observe = (queue: string) => ({ ...createLogObserver(silent, queue), effectEnded: (_kind: string, end: EffectEnd) => { ends.push(end); } });
  const run = async (millrace: Millrace, job: JobDefinition<string, JobV1>, count = 1): Promise<void> => {
    await millrace.work([job], { observe });
    for (let n = 1; n <= count; n++) await millrace.enqueue(job, sampleJob(n));
  };
  const write = (by: string) => (tx: JobTransaction) => tx.query('insert into effects values ($1, $2)', ['j', by]).then(() => by);
  const landed = async (): Promise<string[]> => (await db.query<{ by: string }>('select by from effects order by by')).rows.map(({ by }) => by);

  it('has a transaction\'s effect once, however often the job fails after it', async () => {
    const over = Promise.withResolvers<unknown>();
    await run(create(), jobOf(async (ctx) => {
      const answer = await ctx.transaction(write(`attempt ${ctx.attempt}`));
      if (ctx.attempt < 3) throw new Error('after its effect');
      over.resolve(answer);
      return undefined;
    }));
    expect(await over.promise).toBe('attempt 1');
    expect(await landed()).toEqual(['attempt 1']);
    expect(ends).toEqual(['landed', 'suppressed', 'suppressed']);
  });

  it('goes on with the step that has not landed', async () => {
    const over = Promise.withResolvers<unknown>();
    await run(create(), jobOf(async ({ once, attempt }) => {
      const invoice = await once('invoice', write(`invoice ${attempt}`));
      const mail = await once('mail', attempt === 1 ? () => Promise.reject(new Error('no mail')) : write(`mail ${attempt}`));
      over.resolve([invoice, mail]);
      return undefined;
    }));
    expect(await over.promise).toEqual(['invoice 1', 'mail 2']);
    expect(await landed()).toEqual(['invoice 1', 'mail 2']);
  });

  it('keeps the effect of a job that then died as the only one, when it is redriven', async () => {
    const died = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    let runs = 0;
    const millrace = create();
    await run(millrace, jobOf(async ({ transaction }) => {
      await transaction(write(`run ${++runs}`));
      if (runs === 1) return dead('after its effect');
      over.resolve();
      return done();
    }));
    void (async () => {
      await until(async () => (await millrace.redrive('effects', () => true)).length > 0, 'the buried one to be redriven');
      died.resolve();
    })();
    await Promise.all([died.promise, over.promise]);
    expect(await landed()).toEqual(['run 1']);
  });

  it('refuses what could not count once: two without names, one in another, one that nobody waited for', async () => {
    const codes: unknown[] = [];
    const late = Promise.withResolvers<unknown>();
    const codeOf = (error: unknown): unknown => (error as MillraceError).code;
    let begin = (): void => undefined;
    await run(create(), jobOf(async (ctx) => {
      codes.push(await ctx.transaction(write('one')));
      codes.push(await ctx.transaction(write('two')).catch(codeOf));
      codes.push(await ctx.once('outer', () => ctx.once('inner', write('inner'))).catch(codeOf));
      codes.push(await ctx.once('', write('nameless')).catch(codeOf));
      const gate = new Promise<void>((resolve) => { begin = resolve; });
      void gate.then(() => ctx.once('late', write('late'))).then(late.resolve, (error: unknown) => { late.resolve(codeOf(error)); });
      setTimeout(() => { begin(); }, 50);
      return undefined;
    }));
    expect(await late.promise).toBe('FENCED');
    expect(codes).toEqual(['one', 'BAD_EFFECT', 'BAD_EFFECT', 'BAD_EFFECT']);
    expect(await landed()).toEqual(['one']);
  });

  it('waits for a database that is away without using an attempt', async () => {
    let away = true;
    let asked = 0;
    const refuse = async (): Promise<never> => { asked++; throw new MillraceError('DATABASE_UNAVAILABLE', { got: 'away' }); };
    const database: Database = {
      query: (sql, params) => (away && !sql.includes('millrace_migrations') ? refuse() : db.query(sql, params)), script: (sql) => db.script(sql),
      transaction: (work) => db.transaction(work), listen: (...given) => db.listen(...given), close: async () => undefined,
    };
    const over = Promise.withResolvers<number>();
    const millrace = create(database);
    const job = jobOf(async (ctx) => {
      await ctx.transaction(write('back'));
      over.resolve(ctx.attempt);
      return undefined;
    });
    await millrace.work([job], { observe });
    const receipt = await millrace.enqueue(job, sampleJob(1));
    await until(() => asked >= 2, 'the lock to be asked for twice');
    away = false;
    // Not before it waits; then it need not wait for its time.
    for (let ran = false; !ran;) {
      await millrace.runNow('effects', receipt);
      ran = await Promise.race([over.promise.then(() => true), new Promise<false>((resolve) => { setTimeout(() => { resolve(false); }, 100); })]);
    }
    expect(await over.promise).toBe(1);
    expect(await landed()).toEqual(['back']);
  });

  it('says at once that there is no database', async () => {
    const said = Promise.withResolvers<unknown>();
    await run(create(null), jobOf(async ({ transaction }) => {
      await transaction(write('none')).catch((error: unknown) => { said.resolve((error as MillraceError).code); });
      return undefined;
    }));
    expect(await said.promise).toBe('NO_DATABASE');
    await expect(create(null).work([jobOf(async () => undefined, { lock: () => 'x' })])).rejects.toMatchObject({ code: 'NO_DATABASE' });
  });

  it('runs jobs of one lock one at a time, over queues and workers, each as its first attempt, woken when the lock is given back', async () => {
    const running: string[] = [];
    const ran: string[] = [];
    const tokens: number[] = [];
    const attempts = new Set<number>();
    let most = 0;
    const over = Promise.withResolvers<void>();
    const of = (queue: string) => defineJob({
      // So long a lease that nothing but a call can wake who waits within this test's time.
      kind: `${queue}.bill`, queue, schema: jobV1, key: ({ orderId }: JobV1) => orderId, lock: () => ({ name: `bill ${kind}`, lease: '1h' }),
      async handle(payload, ctx) {
        running.push(ctx.id);
        most = Math.max(most, running.length);
        attempts.add(ctx.attempt);
        expect(ctx.lock?.name).toBe(`bill ${kind}`);
        tokens.push(ctx.lock?.token ?? 0);
        await ctx.transaction(write(`${queue} ${payload.sequence}`));
        running.splice(running.indexOf(ctx.id), 1);
        ran.push(ctx.id);
        if (ran.length === 8) over.resolve();
      },
    });
    for (const queue of ['invoices', 'refunds']) await run(create(), of(queue), 4);
    await over.promise;
    expect(most).toBe(1);
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
    expect(new Set(tokens).size).toBe(8);
    expect([...attempts]).toEqual([1]);
    expect(await landed()).toHaveLength(8);
  });

  it('holds the lock of an isolated job around its sandbox, and keeps no sandbox while it waits', async () => {
    const name = `isolated ${kind}`;
    const tokens: number[] = [];
    const over = Promise.withResolvers<void>();
    let running = 0;
    const handle = async (_payload: JobV1, { lock, attempt }: JobContext): Promise<void> => {
      expect([++running, attempt, lock?.name]).toEqual([1, 1, name]);
      tokens.push(lock?.token ?? 0);
      await new Promise((resolve) => { setTimeout(resolve, 5); });
      running--;
      if (tokens.length === 4) over.resolve();
    };
    for (const queue of ['drawings', 'prints']) {
      const millrace = create();
      const job = defineJob({
        kind: `${queue}.render`, queue, schema: jobV1, key: ({ orderId }: JobV1) => orderId, retry: soon, lock: () => name, isolated: { handler: new URL('file:///render.ts') },
      });
      await millrace.work([job], { observe, sandboxes: 1, startSandbox: createInProcessStarter({ [job.kind]: handle }, systemClock) });
      for (const n of [1, 2]) await millrace.enqueue(job, sampleJob(n));
    }
    await over.promise;
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
  });

  it('sweeps old effects now and then', async () => {
    const clock = createVirtualClock(Date.UTC(2026, 0, 1));
    const effects = createWorkerEffects({ database: db, workerId: 'w', retentionMs: 86_400_000, clock, random: () => 0, logger: silent });
    await effects.start();
    await db.query('insert into millrace_inbox values (\'q\', \'old\', \'\', null, now() - interval \'2 days\'), (\'q\', \'young\', \'\', null, now())');
    await clock.advance(6 * 60_000);
    await effects.stop();
    expect((await db.query('delete from millrace_inbox where queue = \'q\' returning job_id')).rows).toEqual([{ job_id: 'young' }]);
  });

  it('lets a job wait that wants a busy lock in the middle, and runs it from its start', async () => {
    const name = `middle ${kind}`;
    const other = Promise.withResolvers<void>();
    const busy = Promise.withResolvers<void>();
    const over = Promise.withResolvers<unknown>();
    const starts: number[] = [];
    await run(create(), jobOf(async ({ withLock }) => withLock(name, async () => {
      busy.resolve();
      await other.promise;
    }), { queue: 'holders' }));
    await busy.promise;
    await run(create(), jobOf(async ({ withLock, attempt }) => {
      starts.push(attempt);
      if (starts.length === 1) setTimeout(() => { other.resolve(); }, 50);
      const token = await withLock(name, ({ token: held }) => held);
      over.resolve(token);
    }, { queue: 'wanters' }));
    expect(await over.promise).toEqual(expect.any(Number));
    expect(starts.length).toBeGreaterThan(1);
    expect(new Set(starts)).toEqual(new Set([1]));
  });

  it('aborts a handler that lost its lock, lets nothing of it land, and counts the attempt', async () => {
    const name = `lost ${kind}`;
    const ends_: unknown[] = [];
    const over = Promise.withResolvers<number>();
    await run(create(), jobOf(async (ctx) => ctx.withLock(name, async () => {
      if (ctx.attempt > 1) {
        over.resolve(ctx.attempt);
        return;
      }
      await db.query('update millrace_locks set expires_at = clock_timestamp() where name = $1', [name]);
      await takeLock(db, { name, holder: 'thief', waiter: 'thief', leaseMs: 300 });
      ends_.push(await ctx.transaction(write('stale')).catch((error: unknown) => (error as MillraceError).code));
      await new Promise((resolve) => { ctx.signal.addEventListener('abort', resolve, { once: true }); });
      ends_.push((ctx.signal.reason as MillraceError).code);
      throw ctx.signal.reason;
    }, { lease: '1s' })));
    expect(await over.promise).toBe(2);
    expect(ends_).toEqual(['LOCK_LOST', 'LOCK_LOST']);
    expect(await landed()).toEqual([]);
    expect(ends).toEqual(['refused']);
  });

  it('has effects once in batches too', async () => {
    const over = Promise.withResolvers<void>();
    const seen: string[] = [];
    const millrace = create();
    const job = defineJob({
      kind: 'batched.step', queue: 'batched', schema: jobV1, key: ({ orderId }: JobV1) => orderId, retry: soon, batch: { maxSize: 3, maxWait: '10ms' },
      async handleBatch(jobs) {
        for (const { transaction, attempt, payload } of jobs) seen.push(await transaction(write(`${payload.sequence} at ${attempt}`)));
        if (jobs.every(({ attempt }) => attempt === 2)) over.resolve();
        return jobs.map(({ attempt }) => (attempt === 1 ? retry() : done()));
      },
    });
    await run(millrace, job, 1);
    await over.promise;
    expect(seen).toEqual(['1 at 1', '1 at 1']);
    expect(await landed()).toEqual(['1 at 1']);
  });
});
