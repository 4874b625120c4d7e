import { execFile } from 'node:child_process';
import { mkdir, open, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isAlive, type HostProcess } from '../../../shared/embedded/hostProcess.ts';

const run = promisify(execFile);
const BLOCK = Buffer.alloc(64 * 1024);
const FILLER = 'filler';
/** Followed by the pid of whoever mounted it. */
const DEVICE = 'millrace-chaos-';

/** A file system of its own, in memory, whose size can be changed while it is used. Needs the right to mount (root, on Linux). */
export class BrokerDisk {
  readonly folder: string;
  readonly #sizeMb: number;

  private constructor(folder: string, sizeMb: number) {
    this.folder = folder;
    this.#sizeMb = sizeMb;
  }

  /** Also lets go of those that runs left mounted which were killed: they hold memory. @throws what `mount` says where it is not allowed */
  static async mount(host: HostProcess, folder: string, sizeMb: number): Promise<BrokerDisk> {
    await sweepLeftovers(host);
    await mkdir(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, `${DEVICE}${host.pid}`, folder]);
    return new BrokerDisk(folder, sizeMb);
  }

  /** Leaves no byte free. @returns bytes that are in use then */
  async fill(): Promise<number> {
    const { blocks, bfree, bsize } = await statfs(this.folder);
    // Shrunk first, so that filling it takes no memory to speak of.
    await this.#resize(`${Math.ceil((blocks - bfree) * bsize / 1024) + 1024}k`);
    const filler = await open(join(this.folder, FILLER), 'a');
    try {
      for (;;) await filler.write(BLOCK);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      await filler.close();
    }
    return (blocks - bfree) * bsize;
  }

  async free(): Promise<void> {
    await rm(join(this.folder, FILLER), { force: true });
    await this.#resize(`${this.#sizeMb}m`);
  }

  async unmount(): Promise<void> {
    await run('umount', ['-l', this.folder]);
  }

  async #resize(size: string): Promise<void> {
    await run('mount', ['-o', `remount,size=${size}`, this.folder]);
  }
}

async function sweepLeftovers(host: HostProcess): Promise<void> {
  const mounts = (await readFile('/proc/mounts', 'utf8').catch(() => '')).split('\n');
  for (const [device = '', folder = ''] of mounts.map((line) => line.split(' '))) {
    const owner = device.startsWith(DEVICE) ? Number.parseInt(device.slice(DEVICE.length), 10) : Number.NaN;
    if (owner > 0 && !isAlive(host, owner)) await run('umount', ['-l', folder]);
  }
}
