import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { MillraceError } from '../../errors/MillraceError.ts';
import { isAlive, type HostProcess } from '../../embedded/hostProcess.ts';

/**
 * Makes a folder and claims it for this process, by a file beside it with the process's id: two processes that wrote into one embedded
 * database would destroy it. A claim of a process that is gone is taken over. @returns how to give it back
 * @throws MillraceError DATABASE_IN_USE
 */
export async function holdFolder(folder: string, host: Pick<HostProcess, 'pid' | 'kill'>): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const claim = `${folder.replace(/[/\\]+$/, '')}.lock`;
  for (let tries = 0; tries < 5; tries++) {
    try {
      await writeFile(claim, String(host.pid), { flag: 'wx' });
      return () => rm(claim, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = Number(await readFile(claim, 'utf8').catch(() => ''));
    if (holder > 0 && isAlive(host, holder)) {
      throw new MillraceError('DATABASE_IN_USE', { at: folder, got: `process ${holder}`, fix: `Stop it, or give this process a database of its own, or use a server: DATABASE_URL. If no such process runs, remove ${claim}` });
    }
    await rm(claim, { force: true });
  }
  throw new MillraceError('DATABASE_IN_USE', { at: folder, got: 'several processes that want it at once' });
}
