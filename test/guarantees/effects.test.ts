import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { createMillrace, type JobDefinition, type Millrace } from '../../shared/index.ts';
import { openTestDatabase, type TestDatabase } from '../postgres/createDatabase.ts';
import { uniqueName } from '../topicNames.ts';
import { sampleJob } from '../unit/worker/sampleJob.ts';
import { defineBilling, EffectsWorker, type Line } from './process/billing.ts';

describe('effects in Postgres, of workers on real Kafka', () => {
  let test: TestDatabase;
  let folder: string;
  let millrace: Millrace;
  beforeAll(async () => {
    test = await openTestDatabase('postgres', inject('databaseUrl'));
    folder = await mkdtemp(join(tmpdir(), `millrace-test-${process.pid}-`));
    await test.database.script('create table bills (job text, customer text, worker text, at serial)');
    millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), topics: { partitions: 2, replicationFactor: 1 } });
  });
  afterAll(async () => {
    await millrace.close();
    await test.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => test.database.script('delete from bills'));

  interface Play {
    readonly lines: Line[];
    start(workerId: string, queue: string): EffectsWorker;
    /** Lets the handlers of this worker go on with the victim. */
    release(workerId: string): Promise<void>;
    until(holds: (line: Line) => boolean, count?: number): Promise<Line>;
  }

  const play = (lease: string | null): Play => {
    const lines: Line[] = [];
    const listeners = new Set<() => void>();
    const died = Promise.withResolvers<never>();
    died.promise.catch(() => undefined);
    const base = uniqueName('play');
    const goFileOf = (workerId: string): string => join(folder, `${base}-${workerId}`);
    return {
      lines,
      start(workerId, queue) {
        const worker = new EffectsWorker(
          { brokers: inject('brokers'), registryUrl: inject('registryUrl'), databaseUrl: test.url ?? '', workerId, queue, lease, goFile: goFileOf(workerId) },
          (line) => {
            lines.push(line);
            for (const listener of listeners) listener();
          },
          died.reject,
        );
        onTestFinished(async () => {
          worker.signal('SIGKILL');
          await worker.gone;
        });
        return worker;
      },
      release: (workerId) => writeFile(goFileOf(workerId), ''),
      until: (holds, count = 1) => Promise.race([died.promise, new Promise<Line>((resolve) => {
        const look = (): void => {
          const found = lines.filter(holds);
          if (found.length < count) return;
          listeners.delete(look);
          resolve(found.at(-1) as Line);
        };
        listeners.add(look);
        look();
      })]),
    };
  };
  const enqueue = async (queue: string, customers: readonly string[], from = 1): Promise<void> => {
    const job: JobDefinition<string, JobV1> = defineBilling(queue, null, () => undefined);
    for (const [n, customer] of customers.entries()) await millrace.enqueue(job, { ...sampleJob(from + n), customer });
  };
  const bills = async (): Promise<{ job: string; customer: string; worker: string }[]> => (await test.database.query<{ job: string; customer: string; worker: string }>('select job, customer, worker from bills order by at')).rows;
  const of = (worker: string, type: Line['type'], customer: string) => (line: Line): boolean => line.worker === worker && line.type === type && line.type !== 'ready' && line.customer === customer;

  it('never run two jobs of one customer at once from two queues; the lock of a killed worker is taken over after its lease', async () => {
    const { lines, start, release, until } = play('5s');
    const [invoices, refunds] = [uniqueName('invoices'), uniqueName('refunds')];
    const customers = Array.from({ length: 24 }, (_, n) => `customer ${n % 3}`);
    await Promise.all([release('second'), release('third')]);
    const first = start('first', invoices);
    start('second', refunds);
    await Promise.all([enqueue(invoices, customers), enqueue(refunds, customers)]);
    await until(({ type }) => type === 'end', 48);
    const running = new Set<string>();
    for (const line of lines.toSorted((a, b) => a.atUs - b.atUs)) {
      if (line.type === 'start') {
        expect(running).not.toContain(line.customer);
        running.add(line.customer);
        expect(line.attempt).toBe(1);
      }
      if (line.type === 'end') running.delete(line.customer);
    }
    expect(new Set((await bills()).map(({ job }) => job)).size).toBe(48);

    await enqueue(invoices, ['victim'], 100);
    const held = await until(of('first', 'start', 'victim'));
    await enqueue(refunds, ['victim'], 100);
    first.signal('SIGKILL');
    await first.gone;
    const taken = await until(of('second', 'start', 'victim'));
    expect(taken).toMatchObject({ attempt: 1 });
    expect((taken as { token: number }).token).toBeGreaterThan((held as { token: number }).token);
    start('third', invoices);
    await until(of('third', 'end', 'victim'));
    expect((await bills()).filter(({ customer }) => customer === 'victim').map(({ worker }) => worker)).toEqual(['second', 'third']);
  });

  it('refuse a holder that was frozen until its lock was another\'s; its job has its effect afterwards, once', async () => {
    const { start, release, until } = play('3s');
    const [invoices, refunds] = [uniqueName('invoices'), uniqueName('refunds')];
    await release('other');
    const frozen = start('frozen', invoices);
    start('other', refunds);
    await enqueue(invoices, ['victim']);
    await until(of('frozen', 'start', 'victim'));
    frozen.signal('SIGSTOP');
    await enqueue(refunds, ['victim']);
    await until(of('other', 'end', 'victim'));
    await release('frozen');
    frozen.signal('SIGCONT');
    expect(await until(of('frozen', 'refused', 'victim'))).toMatchObject({ code: 'LOCK_LOST' });
    await until(of('frozen', 'end', 'victim'));
    expect((await bills()).map(({ worker }) => worker)).toEqual(['other', 'frozen']);
  });

  it('refuse a worker that was frozen until its partitions were another\'s', async () => {
    const { start, release, until } = play(null);
    const queue = uniqueName('invoices');
    const frozen = start('frozen', queue);
    await enqueue(queue, ['victim', 'plain']);
    await until(of('frozen', 'start', 'victim'));
    await until(of('frozen', 'end', 'plain'));
    frozen.signal('SIGSTOP');
    await release('owner');
    start('owner', queue);
    await until(of('owner', 'end', 'victim'));
    await release('frozen');
    frozen.signal('SIGCONT');
    const refused = await until(of('frozen', 'refused', 'victim')) as { code: string };
    expect(['FENCED', 'LEASE_LOST']).toContain(refused.code);
    expect((await bills()).map(({ customer, worker }) => `${customer} ${worker}`)).toEqual(['plain frozen', 'victim owner']);
  });
});
