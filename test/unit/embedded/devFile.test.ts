import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDevFile, removeDevFile, writeDevFile } from '../../../shared/embedded/devFile.ts';

const hostWith = (alive: readonly number[]) => ({
  env: {}, pid: 1,
  kill: (pid: number) => { if (!alive.includes(pid)) throw new Error('no such process'); },
});
const content = { brokers: '127.0.0.1:9092', registryUrl: 'http://127.0.0.1:8081', pids: [10, 11, 12], startedAt: '2026-01-01T00:00:00Z' };

let folder: string;
let path: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dev-file-')); path = join(folder, '.millrace', 'dev.json'); });
afterEach(async () => { await rm(folder, { recursive: true, force: true }); });

test('a running stack is found by its file', async () => {
  await writeDevFile(path, content);
  expect(await readDevFile(hostWith([10, 11, 12]), path)).toEqual(content);
});

test('a stack of which one process is gone is not found', async () => {
  await writeDevFile(path, content);
  expect(await readDevFile(hostWith([10, 12]), path)).toBeUndefined();
});

test('a missing, torn or foreign file finds nothing', async () => {
  expect(await readDevFile(hostWith([10]), path)).toBeUndefined();
  await writeDevFile(path, content);
  for (const text of ['', '{"brokers":', 'null', '[]', '{"brokers":"a","pids":[],"startedAt":""}', '{"brokers":"a","pids":["1"],"startedAt":""}']) {
    await writeFile(path, text);
    expect(await readDevFile(hostWith([10]), path), text).toBeUndefined();
  }
});

test('only its owner removes the file', async () => {
  await writeDevFile(path, content);
  await removeDevFile(path, 77);
  expect(await readdir(join(folder, '.millrace'))).toEqual(['dev.json']);
  await removeDevFile(path, 10);
  expect(await readdir(join(folder, '.millrace'))).toEqual([]);
});
