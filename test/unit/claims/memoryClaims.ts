import type { ClaimStore } from '../../../shared/claims/claimStore.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';

/** A store in memory, with switches for what can go wrong with one. */
export interface MemoryClaims extends ClaimStore {
  readonly objects: Map<string, Buffer>;
  /** While set, it answers with this. */
  down: 'CLAIM_STORE_UNAVAILABLE' | 'CLAIM_STORE_REFUSED' | null;
  /** Every answer takes so long. */
  slowMs: number;
  readonly gets: string[];
  readonly getting: { now: number; most: number };
}

export function createMemoryClaims(clock: Clock): MemoryClaims {
  const answer = async (store: MemoryClaims): Promise<void> => {
    if (store.slowMs > 0) await new Promise<void>((resolve) => { clock.after(store.slowMs, resolve); });
    if (store.down !== null) throw new MillraceError(store.down, { at: 'memory' });
  };
  const store: MemoryClaims = {
    objects: new Map(), down: null, slowMs: 0, gets: [], getting: { now: 0, most: 0 },
    async put(object, bytes) {
      await answer(store);
      store.objects.set(object, Buffer.from(bytes));
    },
    async get(object, mostBytes) {
      store.gets.push(object);
      store.getting.now += 1;
      store.getting.most = Math.max(store.getting.most, store.getting.now);
      try {
        await answer(store);
      } finally {
        store.getting.now -= 1;
      }
      const bytes = store.objects.get(object) ?? null;
      if (bytes !== null && bytes.length > mostBytes) throw new MillraceError('CLAIM_MISMATCH', { at: object });
      return bytes;
    },
    expire: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
  return store;
}
