import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAlive, type HostProcess } from './hostProcess.ts';

/** What `.millrace/dev.json` says about the stack that runs, so that other tools find it. */
export interface DevFile {
  readonly brokers: string;
  /** Base of the registry's Confluent API; absent where no registry was asked for. */
  readonly registryUrl?: string;
  /** Base of the status service; absent where none was started. */
  readonly statusUrl?: string;
  /** Who owns it: `npm run stack` is there to be used by others, `npm start` is not. Absent: unknown. */
  readonly startedBy?: 'stack' | 'start';
  /** Every process of the stack, its owner first. */
  readonly pids: readonly number[];
  /** RFC 3339. */
  readonly startedAt: string;
}

/** Writes the file in one step: a reader sees all of it or nothing. */
export async function writeDevFile(path: string, content: DevFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${content.pids[0] ?? 0}`;
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`);
  await rename(draft, path);
}

/**
 * The stack that runs, or undefined: no file, a file that is no such file, or a stale one (one of its processes is
 * gone, so what it names cannot be relied on).
 */
export async function readDevFile(host: HostProcess, path: string): Promise<DevFile | undefined> {
  const content = parse(await readFile(path, 'utf8').catch(() => ''));
  return content !== undefined && content.pids.every((pid) => isAlive(host, pid)) ? content : undefined;
}

/** Removes the file if it still is this owner's; another stack may have written its own since. */
export async function removeDevFile(path: string, ownerPid: number): Promise<void> {
  const content = parse(await readFile(path, 'utf8').catch(() => ''));
  if (content?.pids[0] === ownerPid) await rm(path, { force: true });
}

function parse(text: string): DevFile | undefined {
  try {
    const value = JSON.parse(text) as Partial<DevFile> | null;
    const fits = typeof value?.brokers === 'string' && typeof value.startedAt === 'string'
      && Array.isArray(value.pids) && value.pids.length > 0 && value.pids.every((pid) => Number.isInteger(pid) && pid > 0)
      && (value.registryUrl === undefined || typeof value.registryUrl === 'string')
      && (value.statusUrl === undefined || typeof value.statusUrl === 'string');
    return fits ? value as DevFile : undefined;
  } catch {
    return undefined;
  }
}
