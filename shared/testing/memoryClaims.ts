import type { ClaimStore } from '../claims/claimStore.ts';
import { checkObjectName } from '../claims/objectName.ts';
import { MillraceError } from '../errors/MillraceError.ts';

/** Large payloads in memory, by their objects' names: to be looked at, spoilt and removed. Nothing expires. */
export function createMemoryClaims(objects: Map<string, Buffer>): ClaimStore {
  return {
    put(object, bytes) {
      checkObjectName(object);
      objects.set(object, Buffer.from(bytes));
      return Promise.resolve();
    },
    get(object, mostBytes) {
      const bytes = objects.get(object) ?? null;
      if (bytes !== null && bytes.length > mostBytes) return Promise.reject(new MillraceError('CLAIM_MISMATCH', { at: object, expected: `${mostBytes} bytes`, got: bytes.length }));
      return Promise.resolve(bytes);
    },
    expire: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}
