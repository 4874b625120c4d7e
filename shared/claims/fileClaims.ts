import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import type { ClaimStore } from './claimStore.ts';
import { checkObjectName, isDayOver } from './objectName.ts';

export interface FileClaimsOptions {
  /** A folder that all producers and workers see: on one machine, or mounted. Made when it is missing. */
  readonly folder: string;
  readonly clock?: Clock;
}

/** Claims as files: `<folder>/<queue>/<day>/<sha256>`. A file is there whole or not at all, and synced before `put` resolves. */
export function createFileClaims({ folder, clock = systemClock }: FileClaimsOptions): ClaimStore {
  const pathOf = (object: string): string => {
    checkObjectName(object);
    return join(folder, object);
  };

  return {
    async put(object, bytes) {
      const path = pathOf(object);
      const draft = `${path}.${randomUUID()}`;
      try {
        await mkdir(dirname(path), { recursive: true });
        const file = await open(draft, 'wx');
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
        await syncFolder(dirname(path));
      } catch (cause) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw failed(object, cause);
      }
    },

    async get(object, mostBytes) {
      try {
        const file = await open(pathOf(object), 'r');
        try {
          const { size } = await file.stat();
          if (size > mostBytes) throw new MillraceError('CLAIM_MISMATCH', { at: object, expected: `${mostBytes} bytes`, got: size });
          return await file.readFile();
        } finally {
          await file.close();
        }
      } catch (cause) {
        if (isCode(cause, 'ENOENT') && await isThere(folder)) return null;
        throw failed(object, cause);
      }
    },

    async expire(olderThanMs) {
      let removed = 0;
      for (const queue of await foldersIn(folder)) {
        for (const day of await foldersIn(join(folder, queue))) {
          if (!isDayOver(day, olderThanMs, clock.now())) continue;
          const path = join(folder, queue, day);
          removed += (await readdir(path)).length;
          await rm(path, { recursive: true, force: true });
        }
      }
      return removed;
    },

    close: () => Promise.resolve(),
  };
}

/** A folder that is away (not mounted) is an outage; a file that is missing in it is missing. */
async function isThere(folder: string): Promise<boolean> {
  return readdir(folder).then(() => true, () => false);
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return [];
    throw failed(folder, cause);
  }
}

/** A rename is durable when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function failed(object: string, cause: unknown): unknown {
  if (cause instanceof MillraceError) return cause;
  const refused = isCode(cause, 'EACCES') || isCode(cause, 'EPERM') || isCode(cause, 'EROFS');
  return new MillraceError(refused ? 'CLAIM_STORE_REFUSED' : 'CLAIM_STORE_UNAVAILABLE', { at: object, got: cause, cause });
}
