import {
  DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, S3Client, S3ServiceException, type S3ClientConfig,
} from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import type { ClaimStore } from './claimStore.ts';
import { checkObjectName, isDayOver } from './objectName.ts';

export interface S3ClaimsOptions {
  readonly bucket: string;
  /** Put before every object's name, for instance `millrace/`. Default: none. */
  readonly prefix?: string;
  /** For S3-compatible servers: `{ endpoint, forcePathStyle: true, region, credentials }`. Default: what the environment says. */
  readonly client?: S3ClientConfig;
  readonly clock?: Clock;
}

/** Given in a bucket listing instead of a folder. */
const DELIMITER = '/';
const OPEN_FOR_MS = 30_000;

/** Claims in a bucket. A lifecycle rule on the prefix can remove them instead of {@link ClaimStore.expire}. */
export function createS3Claims({ bucket, prefix = '', client, clock = systemClock }: S3ClaimsOptions): ClaimStore {
  const s3 = new S3Client({ maxAttempts: 3, requestHandler: { requestTimeout: OPEN_FOR_MS, connectionTimeout: 5_000 }, ...client });
  const keyOf = (object: string): string => {
    checkObjectName(object);
    return prefix + object;
  };

  /** The "folders" right below one. */
  async function* foldersIn(below: string): AsyncGenerator<string> {
    for (let token: string | undefined, more = true; more;) {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: below, Delimiter: DELIMITER, ContinuationToken: token }));
      for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) yield Prefix;
      token = page.NextContinuationToken;
      more = token !== undefined;
    }
  }

  async function removeAll(below: string): Promise<number> {
    for (let removed = 0; ;) {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: below }));
      const objects = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]));
      if (objects.length === 0) return removed;
      const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects, Quiet: true } }));
      // Asked again they would be listed again, for ever.
      if (Errors.length > 0) throw new MillraceError('CLAIM_STORE_REFUSED', { at: Errors[0]?.Key ?? below, got: Errors[0]?.Code });
      removed += objects.length;
    }
  }

  return {
    async put(object, bytes) {
      try {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(object), Body: bytes }));
      } catch (cause) {
        throw failed(object, cause);
      }
    },

    async get(object, mostBytes) {
      try {
        const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(object) }));
        if (Body === undefined) return Buffer.alloc(0);
        const body = Body as Readable;
        if (ContentLength > mostBytes) {
          body.destroy();
          throw tooLarge(object, mostBytes, ContentLength);
        }
        return await readAtMost(mostBytes, object, body);
      } catch (cause) {
        if (cause instanceof NoSuchKey) return null;
        throw failed(object, cause);
      }
    },

    async expire(olderThanMs) {
      let removed = 0;
      try {
        for await (const queue of foldersIn(prefix)) {
          for await (const day of foldersIn(queue)) {
            const name = day.slice(queue.length, -DELIMITER.length);
            if (isDayOver(name, olderThanMs, clock.now())) removed += await removeAll(day);
          }
        }
      } catch (cause) {
        throw failed(prefix, cause);
      }
      return removed;
    },

    close() {
      s3.destroy();
      return Promise.resolve();
    },
  };
}

/** Counts what comes: a length that the server says, or does not say, is only words. Leaving the loop ends the connection. */
async function readAtMost(mostBytes: number, object: string, body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw tooLarge(object, mostBytes, 'more');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(object: string, mostBytes: number, got: unknown): MillraceError {
  return new MillraceError('CLAIM_MISMATCH', { at: object, expected: `${mostBytes} bytes`, got });
}

/** 4xx is for somebody to mend, but for "slow down" and "too long"; everything else passes. */
function failed(object: string, cause: unknown): unknown {
  if (cause instanceof MillraceError) return cause;
  const status = cause instanceof S3ServiceException ? cause.$metadata.httpStatusCode ?? 0 : 0;
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return new MillraceError(refused ? 'CLAIM_STORE_REFUSED' : 'CLAIM_STORE_UNAVAILABLE', { at: object, got: cause, cause });
}
