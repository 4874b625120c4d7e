import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ClaimStore } from '../../../shared/claims/claimStore.ts';
import { createFileClaims } from '../../../shared/claims/fileClaims.ts';
import { objectName, sha256Of } from '../../../shared/claims/objectName.ts';
import { createS3Claims } from '../../../shared/claims/s3Claims.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { playJourney } from './playJourney.ts';
import { startS3Mock } from './s3Mock.ts';

const DAY_MS = 86_400_000;
const MB = 1024 * 1024;

interface Stage {
  open(clock?: Clock): ClaimStore;
  close(): Promise<void>;
}

async function fileStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-claims-'));
  return { open: (clock = systemClock) => createFileClaims({ folder, clock }), close: () => rm(folder, { recursive: true, force: true }) };
}

async function s3Stage(): Promise<Stage> {
  const server = await startS3Mock(inject('cacheDir'));
  const client = { endpoint: server.endpoint, forcePathStyle: true, region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' } };
  return { open: (clock = systemClock) => createS3Claims({ bucket: server.bucket, prefix: 'millrace/', client, clock }), close: () => server.stop() };
}

describe.each([['files', fileStage], ['an S3-compatible server', s3Stage]] as const)('large payloads in %s', (_, openStage) => {
  let stage: Stage;
  beforeAll(async () => { stage = await openStage(); });
  afterAll(() => stage.close());

  const large = Buffer.alloc(3 * MB, 'all work and no play ');
  const named = (bytes: Buffer, nowMs = Date.now()): string => objectName('billing', sha256Of(bytes), nowMs);

  test('come back byte for byte, also when they are put twice at once', async () => {
    const store = stage.open();
    await Promise.all([store.put(named(large), large), store.put(named(large), large)]);
    expect((await store.get(named(large), large.length))?.equals(large)).toBe(true);
    await store.close();
  });

  test('are told to be missing where there is no such object', async () => {
    const store = stage.open();
    await store.put(named(large), large);
    expect(await store.get(named(Buffer.from('never put')), MB)).toBeNull();
    await store.close();
  });

  test('are not read when they are larger than their claim says', async () => {
    const store = stage.open();
    await store.put(named(large), large);
    await expect(store.get(named(large), MB)).rejects.toMatchObject({ code: 'CLAIM_MISMATCH' });
    await store.close();
  });

  test.each(['../../etc/passwd', 'billing/2026-01-01/../../../x', '/billing/2026-01-01/00', `billing/2026-01-01/${'0'.repeat(63)}`, `../2026-01-01/${'0'.repeat(64)}`])('are never looked for outside the store: %s', async (object) => {
    const store = stage.open();
    await expect(store.get(object, MB)).rejects.toMatchObject({ code: 'CLAIM_INVALID' });
    await expect(store.put(object, large)).rejects.toMatchObject({ code: 'CLAIM_INVALID' });
    await store.close();
  });

  test('come to their jobs in order, through a retry, a worker\'s end, a burial and a redrive', () => playJourney({ store: stage.open() }));

  test('are removed when their day is over for long enough, and not before', async () => {
    const [old, young] = [Buffer.from('old'), Buffer.from('young')];
    const nowMs = Date.parse('2026-03-10T00:00:00Z');
    const store = stage.open({ ...systemClock, now: () => nowMs });
    await store.put(named(old, nowMs - 3 * DAY_MS), old);
    await store.put(named(young, nowMs - 2 * DAY_MS), young);
    expect(await store.expire(2 * DAY_MS)).toBe(1);
    expect(await store.get(named(old, nowMs - 3 * DAY_MS), MB)).toBeNull();
    expect(await store.get(named(young, nowMs - 2 * DAY_MS), MB)).toEqual(young);
    expect(await store.expire(2 * DAY_MS)).toBe(0);
    await store.close();
  });
});

test('an outage of the store is told from a missing object', async () => {
  const folder = join(tmpdir(), 'millrace-claims-that-is-not-mounted');
  const files = createFileClaims({ folder });
  await expect(files.get(objectName('billing', sha256Of(Buffer.from('x')), 0), MB)).rejects.toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE', retriable: true });
  // Nobody listens on the discard port.
  const s3 = createS3Claims({ bucket: 'claims', client: { endpoint: 'http://127.0.0.1:9', forcePathStyle: true, region: 'us-east-1', maxAttempts: 1, credentials: { accessKeyId: 'any', secretAccessKey: 'any' } } });
  await expect(s3.get(objectName('billing', sha256Of(Buffer.from('x')), 0), MB)).rejects.toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE', retriable: true });
  await s3.close();
});
