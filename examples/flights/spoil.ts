import type { BuryReason } from '../../shared/index.ts';

/** The ways in which records are spoilt here, and what each is to be buried for. `value` is a good record's value. */
export const spoils = {
  'no-value': { reason: 'empty', apply: () => null },
  'not-framed': { reason: 'wire', apply: () => Buffer.from('{"origin":"ORD"}') },
  'unknown-schema': { reason: 'schema-unknown', apply: (value) => Buffer.concat([Buffer.from([0, 0x7f, 0xff, 0xff, 0xf0]), value.subarray(5)]) },
  'cut-short': { reason: 'undecodable', apply: (value) => Buffer.from(value.subarray(0, value.length - 3)) },
  'left-over': { reason: 'undecodable', apply: (value) => Buffer.concat([value, Buffer.from('!')]) },
} as const satisfies Record<string, { readonly reason: BuryReason; apply(value: Buffer): Buffer | null }>;

export type Spoil = keyof typeof spoils;
