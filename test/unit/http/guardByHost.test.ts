import { expect, test } from 'vitest';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { guardByHost, type HostGuard } from '../../../shared/http/guardByHost.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

async function ask(host: string, guard: HostGuard | null = { listensOn: '127.0.0.1', names: null }, token: string | null = null): Promise<number> {
  const app = await createHttpApp({ logger: createLogger({ level: 'silent', service: 'test' }), title: 't', description: 'd', version: '1' });
  guardByHost(app, guard, token);
  app.route({ method: ['GET', 'POST'], url: '/jobs', handler: () => ({}) });
  // As a browser tells it once the name of the page stands for this machine: for it, page and API are one site.
  const headers = { host, 'origin': `http://${host}`, 'sec-fetch-site': 'same-origin' };
  const [read, commanded] = [await app.inject({ url: '/jobs', headers }), await app.inject({ method: 'POST', url: '/jobs', headers })];
  const unknown = await app.inject({ url: '/nothing', headers });
  await app.close();
  expect(commanded.statusCode).toBe(read.statusCode);
  expect(unknown.statusCode).toBe(read.statusCode === 200 ? 404 : 403);
  return read.statusCode;
}

test.each(['evil.example', 'evil.example:9420', '127.0.0.1.evil.example:9420', 'localhost.evil.example', '127.0.0.1:9420@evil.example', '[evil]', 'evil.example:'])('a page whose name %j was turned to this machine reads and commands nothing', async (host) => {
  expect(await ask(host)).toBe(403);
});

test.each(['127.0.0.1:9420', 'localhost:9420', 'LOCALHOST', 'millrace.localhost', '[::1]:9420', '192.168.1.4'])('%s is let in', async (host) => {
  expect(await ask(host)).toBe(200);
});

test('names that were allowed are let in, and no others', async () => {
  const guard = { listensOn: 'localhost', names: 'jobs.example.org, Other.Example' };
  expect(await ask('JOBS.example.org:443', guard)).toBe(200);
  expect(await ask('other.example', guard)).toBe(200);
  expect(await ask('evil.example', guard)).toBe(403);
  expect(await ask('evil.example', { listensOn: '::1', names: '*' })).toBe(200);
});

test.each<[what: string, guard: HostGuard | null, token: string | null]>([
  ['an API that others can reach', { listensOn: '0.0.0.0', names: null }, null], ['one that asks for a token', { listensOn: '127.0.0.1', names: null }, 'a-token-of-sixteen'], ['one that nothing is known of', null, null],
])('%s may be asked by any name', async (_, guard, token) => {
  expect(await ask('status.jobs.svc:9420', guard, token)).toBe(200);
});
