import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import { isAlive, type HostProcess } from './hostProcess.ts';

const POLL_MS = 200;

/**
 * Fills a folder once per machine. `fill` gets a temporary folder beside `target`, which becomes `target` in one
 * rename: a folder that exists is a whole one, whatever was killed when. Of several processes one fills and the others
 * wait for it; should two fill at once all the same (a lock left by a dead process is taken over), the first rename
 * wins and both go on with the same folder.
 */
export async function fetchOnce(host: HostProcess, clock: Clock, target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const lock = `${target}.lock`;
  await mkdir(dirname(target), { recursive: true });
  while (!await exists(target)) {
    if (!await takeLock(host, clock, lock)) {
      await sleep(clock, POLL_MS);
      continue;
    }
    const draft = `${target}.draft-${host.pid}`;
    try {
      if (await exists(target)) return;
      await sweepDrafts(host, target);
      await mkdir(draft);
      await fill(draft);
      await rename(draft, target).catch(async (error: unknown) => {
        if (!await exists(target)) throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
      await rm(lock, { force: true });
    }
  }
}

/** True when this process holds the lock now. Removes the lock of a dead holder and answers false: the caller asks again. */
async function takeLock(host: HostProcess, clock: Clock, lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(String(host.pid));
    await file.close();
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
  // An empty lock belongs to a holder between its open and its write; only an old empty one is given up.
  const age = await stat(lock).then((found) => clock.now() - found.mtimeMs, () => 0);
  const abandoned = holder > 0 ? !isAlive(host, holder) : age > 10_000;
  if (abandoned) await rm(lock, { force: true });
  return false;
}

/** Removes what this process, or one that is gone, left half filled. */
async function sweepDrafts(host: HostProcess, target: string): Promise<void> {
  const prefix = `${basename(target)}.draft-`;
  for (const name of await readdir(dirname(target))) {
    const owner = Number(name.slice(prefix.length));
    if (name.startsWith(prefix) && (owner === host.pid || !isAlive(host, owner))) await rm(join(dirname(target), name), { recursive: true, force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
