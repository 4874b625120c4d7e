import { expect, test } from 'vitest';
import { readIntakeConfig } from '../../../services/intake/config.ts';
import { readWorkerConfig } from '../../../services/worker/config.ts';
import { createFileClaims } from '../../../shared/claims/fileClaims.ts';
import { expireClaims } from '../../../shared/claims/expireClaims.ts';
import { compileLargePayloads, type LargePayloadOptions } from '../../../shared/claims/largePayloads.ts';
import { openClaims } from '../../../shared/claims/openClaims.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

test.each([['worker', readWorkerConfig], ['intake', readIntakeConfig]] as const)('the settings of the %s say where large payloads go', async (_, read) => {
  expect(await openClaims(read({}))).toBeNull();
  expect(await openClaims(read({ MILLRACE_CLAIMS_FOLDER: '/mnt/claims', MILLRACE_CLAIMS_OVER: '1KiB', MILLRACE_CLAIMS_MISSING_BOUND: '2m' }))).toEqual({ folder: '/mnt/claims', overBytes: 1024, missingBound: '120000ms' });
  const s3 = await openClaims(read({ MILLRACE_CLAIMS_BUCKET: 'claims', MILLRACE_CLAIMS_PREFIX: 'millrace/', MILLRACE_CLAIMS_ENDPOINT: 'http://127.0.0.1:9' }));
  expect(s3?.store).toMatchObject({ put: expect.any(Function) as unknown });
  expect(compileLargePayloads(s3 as LargePayloadOptions, systemClock)).toMatchObject({ overBytes: 262_144, missingBoundMs: 900_000 });
  await expect(openClaims(read({ MILLRACE_CLAIMS_FOLDER: 'a', MILLRACE_CLAIMS_BUCKET: 'b' }))).rejects.toMatchObject({ code: 'BAD_CONFIG' });
});

const store = createFileClaims({ folder: 'claims' });
test.each<[why: string, options: object, at: string]>([
  ['neither folder nor store', {}, 'largePayloads.store'], ['both', { folder: 'a', store }, 'largePayloads.store'], ['an empty folder', { folder: '' }, 'largePayloads.folder'], ['a slip of the pen', { folder: 'a', overByte: 5 }, 'largePayloads.overByte'],
  ['no number', { folder: 'a', overBytes: '1MB' }, 'largePayloads.overBytes'], ['nothing at once', { folder: 'a', maxFetches: 0 }, 'largePayloads.maxFetches'],
])('refuses %s, naming it', (_, largePayloads, at) => {
  expect(() => createMillrace({ brokers: 'localhost:9092', registryUrl: 'http://localhost', largePayloads: largePayloads })).toThrow(expect.objectContaining({ code: 'BAD_CONFIG', detail: expect.objectContaining({ at }) as unknown }) as Error);
});

test('does not expire what living jobs may need', async () => {
  await expect(expireClaims(store, '2h')).rejects.toMatchObject({ code: 'BAD_CONFIG' });
});
