import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../../shared/database/migrate.ts';
import { createKeyBook, type KeyBook, type KeyClaim } from '../../../shared/intake/keyBook.ts';
import { INTAKE, intakeMigrations } from '../../../shared/intake/keyMigrations.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';

const claimOf = (key: string, changes: Partial<KeyClaim> = {}): KeyClaim => ({ tenant: 't', key, digest: 'd', jobId: `job-${key}`, keepMs: 3_600_000, ...changes });

describe.each(databaseKinds)('idempotency keys (%s)', (kind) => {
  let test: TestDatabase;
  let ours: KeyBook;
  let theirs: KeyBook;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    await migrate(test.database, INTAKE, intakeMigrations);
    ours = createKeyBook({ database: test.database, owner: 'ours', leaseMs: 60_000 });
    theirs = createKeyBook({ database: test.database, owner: 'theirs', leaseMs: 60_000 });
  });
  afterAll(() => test.close());

  it('gives a key to one, and its answer to all who come later', async () => {
    expect(await ours.claim(claimOf('a'))).toEqual({ type: 'ours', jobId: 'job-a', isNew: true });
    expect(await theirs.claim(claimOf('a'))).toMatchObject({ type: 'in-flight' });
    expect(await theirs.claim(claimOf('a', { digest: 'other' }))).toEqual({ type: 'other-request' });
    await ours.finish({ tenant: 't', key: 'a' }, '{"id":"job-a"}');
    expect(await theirs.claim(claimOf('a'))).toEqual({ type: 'done', answer: '{"id":"job-a"}' });
    expect(await theirs.claim(claimOf('a', { digest: 'other' }))).toEqual({ type: 'other-request' });
  });

  it('keeps tenants apart', async () => {
    expect(await ours.claim(claimOf('b'))).toMatchObject({ type: 'ours' });
    expect(await ours.claim(claimOf('b', { tenant: 'u', digest: 'other' }))).toMatchObject({ type: 'ours' });
  });

  it('gives the key of an owner whose lease ran out to the next, under the same job id, and not to another request', async () => {
    const crashed = createKeyBook({ database: test.database, owner: 'crashed', leaseMs: -1 });
    await crashed.claim(claimOf('c'));
    expect(await ours.claim(claimOf('c', { digest: 'other' }))).toEqual({ type: 'other-request' });
    expect(await ours.claim(claimOf('c'))).toEqual({ type: 'ours', jobId: 'job-c', isNew: false });
    expect(await theirs.claim(claimOf('c'))).toMatchObject({ type: 'in-flight' });
    // The crashed one was only slow: it does not free what is no longer its own.
    await crashed.giveUp({ tenant: 't', key: 'c' }, true);
    expect(await theirs.claim(claimOf('c'))).toMatchObject({ type: 'in-flight' });
  });

  it('frees the key of what was refused, for any request; and that of what may be enqueued, for the same alone', async () => {
    await ours.claim(claimOf('e'));
    await ours.giveUp({ tenant: 't', key: 'e' }, true);
    expect(await theirs.claim(claimOf('e', { digest: 'other' }))).toMatchObject({ type: 'ours' });
    await theirs.giveUp({ tenant: 't', key: 'e' }, false);
    expect(await ours.claim(claimOf('e'))).toEqual({ type: 'other-request' });
    expect(await ours.claim(claimOf('e', { digest: 'other' }))).toMatchObject({ type: 'ours' });
  });

  it('says of each of many keys whether somebody has tried it before', async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `tried-${index}`);
    const tried = keys.filter((_, index) => index % 3 === 0);
    for (const key of tried) {
      await theirs.claim(claimOf(key));
      await theirs.giveUp({ tenant: 't', key }, false);
    }
    const claims = await Promise.all(keys.map(async (key) => [key, await ours.claim(claimOf(key))] as const));
    expect(claims.filter(([, claimed]) => claimed.type === 'ours' && !claimed.isNew).map(([key]) => key)).toEqual(tried);
    expect(claims.every(([, { type }]) => type === 'ours')).toBe(true);
  });

  it('lets two processes claim the same many keys at once: each key is one\'s, and nobody waits for ever', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => `many-${index}`);
    const claims = await Promise.all([ours, theirs].flatMap((book, at) => (at === 0 ? keys : keys.toReversed()).map(async (key) => [key, (await book.claim(claimOf(key))).type] as const)));
    const winners = claims.filter(([, type]) => type === 'ours').map(([key]) => key);
    expect(winners.toSorted()).toEqual(keys.toSorted());
  });

  it('forgets keys past their time', async () => {
    await ours.claim(claimOf('old', { keepMs: -1 }));
    await ours.finish({ tenant: 't', key: 'old' }, '{}');
    expect(await ours.claim(claimOf('old', { digest: 'new', keepMs: -1 }))).toMatchObject({ type: 'ours' });
    expect(await ours.sweep()).toBe(1);
    expect(await ours.sweep()).toBe(0);
    expect(await theirs.claim(claimOf('a'))).toMatchObject({ type: 'done' });
  });
});
