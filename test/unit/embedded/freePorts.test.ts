import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts, isFree } from '../../../shared/embedded/freePorts.ts';

test('a wished port that somebody listens on is replaced, others are kept', async () => {
  const [taken = 0, free = 0] = await freePorts([0, 0]);
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(taken, '127.0.0.1', resolve); });
  expect(await isFree(taken)).toBe(false);
  const [instead = 0, kept] = await freePorts([taken, free]);
  expect(instead).not.toBe(taken);
  expect(instead).not.toBe(free);
  expect(kept).toBe(free);
  await new Promise((resolve) => { server.close(resolve); });
  expect(await freePorts([taken])).toEqual([taken]);
});

test('wishes for any port get different ones, below the range of outgoing connections', async () => {
  const ports = await freePorts(Array.from({ length: 30 }, () => 0));
  expect(new Set(ports).size).toBe(30);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
