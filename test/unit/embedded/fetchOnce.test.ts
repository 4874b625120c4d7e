import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchOnce } from '../../../shared/embedded/fetchOnce.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

const host = (pid: number, alive: readonly number[]) => ({
  env: {}, pid,
  kill: (other: number) => { if (!alive.includes(other)) throw new Error('no such process'); },
});

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'fetch-once-')); });
afterEach(async () => { await rm(folder, { recursive: true, force: true }); });

test('two processes that want the same thing download it once', async () => {
  const target = join(folder, 'jars');
  let fills = 0;
  const fill = async (draft: string): Promise<void> => { fills++; await writeFile(join(draft, 'a.jar'), 'whole'); };
  await Promise.all([1, 2, 3].map((pid) => fetchOnce(host(pid, [1, 2, 3]), systemClock, target, fill)));
  expect(fills).toBe(1);
  expect(await readFile(join(target, 'a.jar'), 'utf8')).toBe('whole');
  expect(await readdir(folder)).toEqual(['jars']);
});

test('what a dead process left behind is taken over: its lock, its half download', async () => {
  const target = join(folder, 'jars');
  await writeFile(`${target}.lock`, '99');
  await mkdir(`${target}.draft-99`);
  await fetchOnce(host(1, [1]), systemClock, target, (draft) => writeFile(join(draft, 'a.jar'), 'whole'));
  expect(await readdir(folder)).toEqual(['jars']);
});

test('a download that fails leaves nothing that could pass for a whole one', async () => {
  const target = join(folder, 'jars');
  const half = async (draft: string): Promise<void> => { await writeFile(join(draft, 'a.jar'), 'ha'); throw new Error('network'); };
  await expect(fetchOnce(host(1, [1]), systemClock, target, half)).rejects.toThrow('network');
  expect(await readdir(folder)).toEqual([]);
});

test('the loser of a race goes on with the winner\'s folder', async () => {
  const target = join(folder, 'jars');
  await fetchOnce(host(1, [1]), systemClock, target, async (draft) => {
    await writeFile(join(draft, 'a.jar'), 'mine');
    await mkdir(target);
    await writeFile(join(target, 'a.jar'), 'theirs');
  });
  expect(await readFile(join(target, 'a.jar'), 'utf8')).toBe('theirs');
});
