import { expect, test } from 'vitest';
import { ClaimFetches } from '../../../shared/claims/claimFetches.ts';
import { objectName, sha256Of } from '../../../shared/claims/objectName.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';
import { createMemoryClaims } from './memoryClaims.ts';

function openScene({ maxFetches = 8, maxFetchedBytes = 1000 } = {}) {
  const clock = createVirtualClock(0);
  const store = createMemoryClaims(clock);
  const fetches = new ClaimFetches({ payloads: { store, maxFetches, maxFetchedBytes }, clock, logger: createLogger({ level: 'silent', service: 'test', clock }) });
  const claimOf = (text: string) => {
    const bytes = Buffer.from(text);
    return { object: objectName('work', sha256Of(bytes), 0), size: bytes.length, sha256: sha256Of(bytes), bytes };
  };
  const stored = (text: string) => {
    const claim = claimOf(text);
    store.objects.set(claim.object, claim.bytes);
    return claim;
  };
  const codeOf = (work: Promise<unknown>) => {
    const code = work.then(() => 'fetched', (error: unknown) => (error as { code: string }).code);
    return async (): Promise<string> => {
      let over = false;
      void code.finally(() => { over = true; });
      await clock.runUntil(() => over, { maxMs: 300_000 });
      return code;
    };
  };
  return { clock, store, fetches, claimOf, stored, codeOf };
}

test('gives the bytes that were put', async () => {
  const { fetches, stored } = openScene();
  expect((await fetches.fetch(stored('hello'))).bytes.toString()).toBe('hello');
});

test.each([
  ['is not there', 'CLAIM_MISSING', (scene: ReturnType<typeof openScene>) => scene.claimOf('never put')],
  ['is another of the same size', 'CLAIM_MISMATCH', (scene: ReturnType<typeof openScene>) => { const claim = scene.stored('right'); scene.store.objects.set(claim.object, Buffer.from('wrong')); return claim; }],
  ['is cut', 'CLAIM_MISMATCH', (scene: ReturnType<typeof openScene>) => { const claim = scene.stored('right'); scene.store.objects.set(claim.object, Buffer.from('righ')); return claim; }],
  ['is larger than told', 'CLAIM_MISMATCH', (scene: ReturnType<typeof openScene>) => { const claim = scene.stored('right'); scene.store.objects.set(claim.object, Buffer.from('right!')); return claim; }],
  ['lies outside of the store', 'CLAIM_INVALID', (scene: ReturnType<typeof openScene>) => ({ ...scene.claimOf('x'), object: '../../etc/passwd' })],
  ['has a longer name than a queue can have', 'CLAIM_INVALID', (scene: ReturnType<typeof openScene>) => ({ ...scene.claimOf('x'), object: `${'q'.repeat(250)}/2026-01-01/${'0'.repeat(64)}` })],
  ['would be too large to hold', 'CLAIM_INVALID', (scene: ReturnType<typeof openScene>) => ({ ...scene.claimOf('x'), size: 2 ** 40 })],
])('refuses an object that %s', async (_, code, claimOf) => {
  const scene = openScene();
  expect(await scene.codeOf(scene.fetches.fetch(claimOf(scene)))()).toBe(code);
});

test('reads again before it calls an object another: the way may have been wrong once', async () => {
  const { fetches, stored, store, clock } = openScene();
  const claim = stored('right');
  store.objects.set(claim.object, Buffer.from('wrong'));
  const fetching = fetches.fetch(claim);
  await clock.advance(100);
  store.objects.set(claim.object, claim.bytes);
  await clock.advance(1000);
  expect((await fetching).bytes.toString()).toBe('right');
});

test('reads no more at once, and holds no more bytes, than it may', async () => {
  const { fetches, stored, store, clock } = openScene({ maxFetches: 2, maxFetchedBytes: 30 });
  store.slowMs = 10;
  const held: { release(): void }[] = [];
  const all = Array.from({ length: 6 }, (_, n) => fetches.fetch(stored(`object ${n}..`)).then((one) => held.push(one)));
  await clock.advance(1000);
  expect(held).toHaveLength(3);
  expect(store.getting.most).toBe(2);
  held[0]?.release();
  held[0]?.release();
  await clock.advance(1000);
  expect(held).toHaveLength(4);
  for (const one of held.splice(0)) one.release();
  await clock.advance(1000);
  await Promise.all(all);
});

test('reads what is larger than all that may be held, alone', async () => {
  const { fetches, stored } = openScene({ maxFetchedBytes: 3 });
  const large = await fetches.fetch(stored('larger'));
  large.release();
  expect((await fetches.fetch(stored('also larger'))).bytes.toString()).toBe('also larger');
});

test('asks holders for what they do not use while others wait', async () => {
  const { fetches, stored, clock } = openScene({ maxFetchedBytes: 10 });
  const held = await fetches.fetch(stored('0123456789'));
  fetches.onPressure(() => { held.release(); });
  let second = false;
  void fetches.fetch(stored('more')).then(() => { second = true; });
  await clock.advance(2000);
  expect(second).toBe(true);
});

test('of a store that is away it tells everybody at once, and lets one ask it now and then', async () => {
  const { fetches, stored, store, clock, codeOf } = openScene();
  const claim = stored('hello');
  store.down = 'CLAIM_STORE_UNAVAILABLE';
  for (let n = 0; n < 100; n++) {
    expect(await codeOf(fetches.fetch(claim))()).toBe('CLAIM_STORE_UNAVAILABLE');
    await clock.advance(100);
  }
  expect(store.gets.length).toBeLessThan(8);
  expect(fetches.awayForMs).toBeGreaterThan(9000);
  store.down = null;
  await clock.advance(5000);
  expect(await codeOf(fetches.fetch(claim))()).toBe('fetched');
  expect(fetches.awayForMs).toBeNull();
});

test('a store that never answers counts as away', async () => {
  const { fetches, stored, store, codeOf } = openScene();
  store.slowMs = 10 * 60_000;
  expect(await codeOf(fetches.fetch(stored('hello')))()).toBe('CLAIM_STORE_UNAVAILABLE');
});
