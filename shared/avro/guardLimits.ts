/** What a value may ask for. All of them bound the work and memory of decoding, whatever the bytes say. */
export interface GuardLimits {
  /** Largest framed value. */
  readonly maxBytes: number;
  /** Fields, items and entries of one value, all together. */
  readonly maxValues: number;
  /** Items of one array block whose items take no bytes (`array<null>`): nothing else bounds those. */
  readonly maxEmptyItems: number;
  /** How often a recursive type may enter itself. */
  readonly maxDepth: number;
  /** Greatest long; at most {@link MAX_READ_LONG}. */
  readonly maxLong: number;
}

/** avsc reads longs exactly from above −2^52 up to here; what lies beyond loses digits or even its sign, so it is refused. */
export const MAX_READ_LONG = 2 ** 53 - 2;
/** avsc writes a long below −2^52 as a wrong positive one of at least 2^52: writers are held below, so that none passes. */
export const MAX_WRITTEN_LONG = 2 ** 52 - 1;

export const DEFAULT_LIMITS: GuardLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxValues: 1_000_000,
  maxEmptyItems: 10_000,
  maxDepth: 256,
  maxLong: MAX_READ_LONG,
};
