import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FaultProxy } from './faultProxy.ts';
import { openFramedClient, openFramedServer, type FramedClient, type FramedServer } from './framedServer.ts';

const PRODUCE = 0;
const COMMIT = 8;
/** Long enough for anything that travels freely on this machine; what must stay away is looked for after it. */
const QUIET_MS = 60;

let server: FramedServer;
let proxy: FaultProxy;
const clients: FramedClient[] = [];
beforeEach(async () => {
  server = await openFramedServer();
  proxy = await FaultProxy.open(() => 0.5);
  proxy.lead(server.port);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  proxy.close();
  server.close();
});

async function client(): Promise<FramedClient> {
  const opened = await openFramedClient(proxy.port);
  clients.push(opened);
  return opened;
}

/** One that has been served once. */
async function servedClient(): Promise<FramedClient> {
  const opened = await client();
  opened.ask('first');
  await until(() => opened.replies.length === 1);
  return opened;
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 8000, interval: 5 });
}

it('passes what both sides say, large or small, in order', async () => {
  const one = await client();
  const bodies = Array.from({ length: 200 }, (_, n) => `${n}:${'x'.repeat(n % 10 === 0 ? 200_000 : n)}`);
  for (const body of bodies) one.ask(body);
  await until(() => one.replies.length === bodies.length);
  expect(one.replies).toEqual(bodies);
  expect(server.seen).toEqual(bodies);
});

it('keeps cut connections open and silent, takes new ones as silent, and delivers all of it when it is lifted', async () => {
  const old = await servedClient();
  await proxy.impose({ type: 'cut', direction: 'both', afterwards: 'delivered' });
  const fresh = await client();
  old.ask('of the old');
  fresh.ask('of the new');
  await sleep(QUIET_MS);
  expect([server.seen, old.replies, fresh.replies, old.story, fresh.story]).toEqual([['first'], ['first'], [], [], []]);
  await proxy.lift();
  await until(() => old.replies.length === 2 && fresh.replies.length === 1);
  expect(old.replies[1]).toBe('of the old');
});

it('leaves what was open during a cut silent for ever when it shall, and serves new ones', async () => {
  const old = await servedClient();
  await proxy.impose({ type: 'cut', direction: 'both', afterwards: 'dead' });
  await proxy.lift();
  old.ask('in vain');
  await servedClient();
  await sleep(QUIET_MS);
  expect([old.replies, old.story]).toEqual([['first'], []]);
  expect(server.seen).not.toContain('in vain');
});

it('lets requests through but no reply when it is cut toward the client', async () => {
  const one = await servedClient();
  await proxy.impose({ type: 'cut', direction: 'to-client', afterwards: 'delivered' });
  one.ask('heard');
  await until(() => server.seen.includes('heard'));
  await sleep(QUIET_MS);
  expect(one.replies).toEqual(['first']);
  await proxy.lift();
  await until(() => one.replies.length === 2);
});

it('lets a reply through but no further request when it is cut toward the broker', async () => {
  const one = await servedClient();
  await proxy.impose({ type: 'delay', delayMs: 0, jitterMs: 0 });
  one.ask('before');
  await until(() => server.seen.includes('before'));
  await proxy.impose({ type: 'cut', direction: 'to-broker', afterwards: 'delivered' });
  one.ask('after');
  await until(() => one.replies.includes('before'));
  await sleep(QUIET_MS);
  expect(server.seen).not.toContain('after');
});

it('refuses new connections but serves the open ones, and listens on the same port again', async () => {
  const old = await servedClient();
  await proxy.impose({ type: 'refuse' });
  await expect(client()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  old.ask('still');
  await until(() => old.replies.includes('still'));
  await proxy.lift();
  await servedClient();
});

it('resets what is open toward both sides', async () => {
  const one = await servedClient();
  expect(proxy.reset()).toBe(1);
  await until(() => one.story.length > 0 && server.story.length > 0);
  expect([one.story, server.story]).toEqual([['error ECONNRESET'], ['error ECONNRESET']]);
  expect(proxy.open).toBe(0);
});

it('delays each way without changing the order, though the jitter differs', async () => {
  proxy.close();
  let draws = 0;
  proxy = await FaultProxy.open(() => (draws++ % 5) / 5);
  proxy.lead(server.port);
  const one = await servedClient();
  await proxy.impose({ type: 'delay', delayMs: 40, jitterMs: 60 });
  const startedMs = performance.now();
  for (let n = 0; n < 20; n++) {
    one.ask(String(n));
    await sleep(1);
  }
  await until(() => one.replies.length === 21);
  expect(performance.now() - startedMs).toBeGreaterThan(80);
  expect(one.replies.slice(1)).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
});

it('lets no more through than a narrow link can carry, in bits all along', async () => {
  const one = await servedClient();
  await proxy.impose({ type: 'narrow', bytesPerSecond: 100_000 });
  const startedMs = performance.now();
  one.ask('x'.repeat(10_000));
  await until(() => one.replies.length === 2);
  // 0.1 s each way; the second way begins with the last byte of the first.
  expect(performance.now() - startedMs).toBeGreaterThan(190);
});

it('does the nth request of a sort and loses its reply: by a reset, after which others are served', async () => {
  const one = await servedClient();
  await proxy.impose({ type: 'lose-reply', to: 'produce', every: 2, then: 'reset' });
  one.ask('commit', COMMIT);
  one.ask('produce 1', PRODUCE);
  await until(() => one.replies.length === 3);
  one.ask('produce 2', PRODUCE);
  await until(() => one.story.length > 0);
  expect(server.seen).toContain('produce 2');
  expect(one.replies).toEqual(['first', 'commit', 'produce 1']);
  expect([one.story, proxy.lostReplies]).toEqual([['error ECONNRESET'], 1]);
  await servedClient();
});

it('or by silence: this connection answers nothing more, and stays open even when the trouble is lifted', async () => {
  const one = await servedClient();
  await proxy.impose({ type: 'lose-reply', to: 'commit', every: 1, then: 'silence' });
  one.ask('produce', PRODUCE);
  one.ask('commit', COMMIT);
  one.ask('later');
  await until(() => server.seen.includes('later') && one.replies.includes('produce'));
  await proxy.lift();
  one.ask('even later');
  await until(() => server.seen.includes('even later'));
  await sleep(QUIET_MS);
  expect([one.replies, one.story]).toEqual([['first', 'produce'], []]);
});

it('closes one half: the client reads the end, and is still heard', async () => {
  const one = await servedClient();
  proxy.halfClose('client');
  await until(() => one.story.length === 1);
  one.ask('into the void');
  await until(() => server.seen.includes('into the void'));
  expect([one.story, one.replies]).toEqual([['end'], ['first']]);
});

it('closes the other half: the broker reads the end', async () => {
  await servedClient();
  proxy.halfClose('broker');
  await until(() => server.story.length === 1);
  expect(server.story).toEqual(['end']);
});

it('tells the client when the broker is gone', async () => {
  const one = await servedClient();
  server.close();
  await until(() => one.story.length > 0);
  const next = await client();
  await until(() => next.story.length > 0);
  expect(next.story).toEqual(['error ECONNRESET']);
});
