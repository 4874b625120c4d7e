import type { Scope } from './scope.ts';

/** Something of a queue that stands still, as an application sees it. */
export interface ShownPause {
  /** `key` as `pause` and `resume` take it: text, or the bytes where these are no UTF-8. */
  readonly scope: Exclude<Scope, { readonly type: 'key' }> | { readonly type: 'key'; readonly key: string | Buffer };
  /** The partitions where it holds. */
  readonly partitions: readonly number[];
}

export function showPause({ scope, partitions }: { readonly scope: Scope; readonly partitions: readonly number[] }): ShownPause {
  if (scope.type !== 'key') return { scope, partitions };
  const text = scope.key.toString();
  return { scope: { type: 'key', key: Buffer.from(text).equals(scope.key) ? text : scope.key }, partitions };
}
