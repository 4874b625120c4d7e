import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../../shared/database/migrate.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createJobDoor, type Accepted, type JobDoor } from '../../../shared/intake/jobDoor.ts';
import { createKeyBook } from '../../../shared/intake/keyBook.ts';
import { INTAKE, intakeMigrations } from '../../../shared/intake/keyMigrations.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { chargeOrder, order } from './doorStage.ts';

type Kafka = 'answers' | 'times-out' | 'refuses';

describe.each(databaseKinds)('a key whose earlier try may have come through (%s)', (kind) => {
  let test: TestDatabase;
  let door: JobDoor;
  let kafka: Kafka = 'answers';
  let full = false;
  let aheadMs = 0;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    await migrate(test.database, INTAKE, intakeMigrations);
    door = createJobDoor({
      jobs: [chargeOrder], keyBook: createKeyBook({ database: test.database, owner: 'one', leaseMs: 60_000 }), clock: { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs }, patienceMs: 5000, maxPendingJobs: 10, maxPendingBytes: 1e6,
      keepKeysMs: 3_600_000, idsOfTenants: false,
      client: {
        enqueue: (_job: unknown, _payload: unknown, { id = '' }: { id?: string } = {}) => {
          if (kafka === 'times-out') return Promise.reject(new MillraceError('BROKER_UNAVAILABLE', { at: 'orders' }));
          if (kafka === 'refuses') return Promise.reject(new MillraceError('BROKER_RECORD_TOO_LARGE', { at: 'orders' }));
          return Promise.resolve({ id, topic: 'orders', partition: 0, offset: 1 });
        },
      } as never,
      backlog: { mustHaveRoom() { if (full) throw new MillraceError('QUEUE_FULL', { at: 'orders', retryAfterMs: 1000 }); }, accepted: () => undefined },
    });
  });
  afterAll(() => test.close());

  /** After an outage one is let through only now and then. */
  const probeAgain = (): void => { aheadMs += 10_000; };
  const post = (key: string, sequence: number): Promise<Accepted> => door.accept({ kind: 'order.charge', payload: order(sequence) }, { tenant: 't', idempotencyKey: key, at: 'body', bytes: 100 });

  it.each<[Kafka, string]>([['answers', 'QUEUE_FULL'], ['refuses', 'BROKER_RECORD_TOO_LARGE']])('stands for the same request alone, also after a later try that was surely not enqueued (Kafka %s: %s)', async (later, code) => {
    const key = `tried-${later}`;
    kafka = 'times-out';
    await expect(post(key, 1)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    probeAgain();
    [kafka, full] = [later, code === 'QUEUE_FULL'];
    await expect(post(key, 1)).rejects.toMatchObject({ code });
    [kafka, full] = ['answers', false];
    probeAgain();
    await expect(post(key, 2)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await post(key, 1)).toMatchObject({ at: 'orders/0/1' });
  });

  it('is free again where its first try was surely not enqueued', async () => {
    [kafka, full] = ['answers', true];
    await expect(post('fresh', 1)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    full = false;
    expect(await post('fresh', 2)).toMatchObject({ at: 'orders/0/1' });
  });
});
