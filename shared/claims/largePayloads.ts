import { DEFAULT_LIMITS } from '../avro/guardLimits.ts';
import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { parseDuration, type Duration } from '../jobs/duration.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ClaimStore } from './claimStore.ts';
import { createFileClaims } from './fileClaims.ts';

/** Where payloads go that are too large for a Kafka record; producers and workers must be told the same place. Either `folder` or `store`. */
export interface LargePayloadOptions {
  /** A folder that all producers and workers see: on one machine, or mounted. */
  readonly folder?: string;
  /** For instance `createS3Claims({ bucket })` of `millrace/s3`. Whoever made it closes it. */
  readonly store?: ClaimStore;
  /** Values of more bytes go to the store; the record carries reference, size and hash. Below what the topic takes. @default 262,144 */
  readonly overBytes?: number;
  /** How long a job waits for an object that is not there, before it is buried. @default "15m" */
  readonly missingBound?: Duration;
  /** Objects that a worker reads at once. @default 8 */
  readonly maxFetches?: number;
  /** Bytes of objects that a worker holds at once, those of running attempts among them. One that is larger alone is read alone. @default 128 MiB */
  readonly maxFetchedBytes?: number;
}

/** {@link LargePayloadOptions}, checked and filled. */
export interface LargePayloads {
  readonly store: ClaimStore;
  readonly overBytes: number;
  readonly missingBoundMs: number;
  readonly maxFetches: number;
  readonly maxFetchedBytes: number;
}

/** No larger payload is written or read, wherever it lies. */
export const MAX_PAYLOAD_BYTES = DEFAULT_LIMITS.maxBytes;

const names = ['folder', 'store', 'overBytes', 'missingBound', 'maxFetches', 'maxFetchedBytes'] as const satisfies (keyof LargePayloadOptions)[];

/** Does no I/O. @throws MillraceError BAD_CONFIG, BAD_DURATION */
export function compileLargePayloads(options: LargePayloadOptions, clock: Clock): LargePayloads {
  if (typeof options !== 'object' || options === null) refuse('', '{ folder } or { store }', options);
  for (const name of Object.keys(options)) {
    if ((names as readonly string[]).includes(name)) continue;
    const meant = didYouMean(name, names);
    refuse(name, `one of ${names.join(', ')}`, name, meant === null ? undefined : `Did you mean ${meant}?`);
  }
  const { folder, store, overBytes = 262_144, maxFetches = 8, maxFetchedBytes = 134_217_728 } = options;
  if ((folder === undefined) === (store === undefined)) refuse('store', 'either folder or store', folder === undefined ? 'none' : 'both');
  if (folder !== undefined && (typeof folder !== 'string' || folder === '')) refuse('folder', 'the path of a folder', folder);
  for (const [name, value] of Object.entries({ overBytes, maxFetches, maxFetchedBytes })) if (!Number.isInteger(value) || value < 1) refuse(name, 'a whole number from 1', value);
  return {
    store: store ?? createFileClaims({ folder: folder ?? '', clock }),
    overBytes, maxFetches, maxFetchedBytes,
    missingBoundMs: parseDuration(options.missingBound ?? '15m', 'largePayloads.missingBound'),
  };
}

function refuse(name: string, expected: string, got: unknown, fix?: string): never {
  throw new MillraceError('BAD_CONFIG', { at: name === '' ? 'largePayloads' : `largePayloads.${name}`, expected, got, ...(fix === undefined ? {} : { fix }) });
}
