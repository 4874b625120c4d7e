import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { listenForStop } from '../../../shared/runtime/stopRequest.ts';
import { createVirtualClock } from '../../../shared/testing/index.ts';

function listen() {
  const source = new EventEmitter();
  const clock = createVirtualClock(0);
  const stop = listenForStop(source, clock);
  let insisted = false;
  void stop.insisted.then(() => { insisted = true; });
  return { source, clock, stop, insisted: async () => { await Promise.resolve(); return insisted; } };
}

test.each(['SIGINT', 'SIGTERM'])('%s asks to stop', async (signal) => {
  const { source, stop } = listen();
  source.emit(signal);
  await stop.asked;
  expect(stop.signal.aborted).toBe(true);
});

test('the same Ctrl-C, heard from the terminal and from npm, is one request', async () => {
  const { source, clock, insisted } = listen();
  source.emit('SIGINT');
  await clock.advance(900);
  source.emit('SIGINT');
  expect(await insisted()).toBe(false);
});

test('another one later means: at once', async () => {
  const { source, clock, insisted } = listen();
  source.emit('SIGINT');
  await clock.advance(1100);
  source.emit('SIGINT');
  expect(await insisted()).toBe(true);
});
