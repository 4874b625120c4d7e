import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { answerLines } from '../../../services/intake/api/answerLines.ts';
import { readLines, type Line } from '../../../services/intake/api/readLines.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

const turns = async (): Promise<void> => { for (let i = 0; i < 50; i += 1) await new Promise((resolve) => { setImmediate(resolve); }); };
const limits = { maxLineBytes: 10, idleMs: 60_000, clock: systemClock };
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => { const all: T[] = []; for await (const item of items) all.push(item); return all; };

it('takes no more lines than its window while nobody reads the answers', async () => {
  let taken = 0;
  const endless = async function* (): AsyncGenerator<Line> { for (;;) yield { number: ++taken, bytes: Buffer.from('x') }; };
  const answers = answerLines(endless(), async ({ number }) => String(number), { lines: 16, bytes: 1000 });
  expect((await answers.next()).value).toBe('1');
  await turns();
  // One more may have been fetched, and waits at the door.
  expect(taken).toBeLessThanOrEqual(18);
  for (let at = 2; at <= 100; at += 1) expect((await answers.next()).value).toBe(String(at));
  await turns();
  expect(taken).toBeLessThanOrEqual(117);
});

it('takes no more bytes at once than its window, and a line that is larger by itself', async () => {
  let taken = 0;
  const sizes = [400, 400, 400, 5000, 10, 10];
  const lines = async function* (): AsyncGenerator<Line> { for (const size of sizes) yield { number: ++taken, bytes: Buffer.alloc(size) }; };
  const gates = sizes.map(() => Promise.withResolvers<string>());
  const begun: number[] = [];
  const answers = answerLines(lines(), ({ number }) => {
    begun.push(number);
    return gates[number - 1]?.promise ?? Promise.resolve('?');
  }, { lines: 16, bytes: 1000 });
  const next = (number: number) => {
    gates[number - 1]?.resolve(String(number));
    return answers.next();
  };
  const first = answers.next();
  await turns();
  expect(begun).toEqual([1, 2, 3]);
  gates[0]?.resolve('1');
  await first;
  for (const number of [2, 3, 4]) expect((await next(number)).value).toBe(String(number));
  await turns();
  // The large one begins beside what leaves room, and nothing begins beside it.
  expect(begun).toEqual([1, 2, 3, 4]);
  for (const number of [5, 6]) expect((await next(number)).value).toBe(String(number));
  expect(begun).toEqual([1, 2, 3, 4, 5, 6]);
});

it('gives answers in the order of the lines, each as soon as those before it are there, while further lines are still to come', async () => {
  const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const open = async function* (): AsyncGenerator<Line> {
    yield { number: 1, bytes: null };
    yield { number: 2, bytes: null };
    await new Promise(() => undefined);
  };
  const answers = answerLines(open(), ({ number }) => gates[number - 1]?.promise ?? Promise.resolve('?'), { lines: 16, bytes: 1000 });
  const first = answers.next();
  gates[1]?.resolve('second');
  await turns();
  gates[0]?.resolve('first');
  expect((await first).value).toBe('first');
  expect((await answers.next()).value).toBe('second');
});

it('gives what was answered before the lines broke off, then says that they did', async () => {
  const broken = async function* (): AsyncGenerator<Line> {
    yield { number: 1, bytes: null };
    throw new Error('gone');
  };
  const answers = answerLines(broken(), async () => 'one', { lines: 16, bytes: 1000 });
  expect((await answers.next()).value).toBe('one');
  await expect(answers.next()).rejects.toThrow('gone');
});

it.each([1, 2, 3, 7, 64])('finds the lines however the bytes are cut: in pieces of %i', async (size) => {
  const text = Buffer.from('{"a":1}\n\n  \r\n{"ü":2}\r\n123456789012\nend');
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.subarray(index * size, (index + 1) * size));
  const lines = await collect(readLines(Readable.from(pieces), limits));
  expect(lines.map(({ number, bytes }) => [number, bytes?.toString() ?? null])).toEqual([[1, '{"a":1}'], [4, '{"ü":2}\r'], [5, null], [6, 'end']]);
});
