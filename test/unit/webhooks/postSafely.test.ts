import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createAddressRules } from '../../../shared/webhooks/addressRules.ts';
import { createSafePost, type PostOptions } from '../../../shared/webhooks/postSafely.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => { for (const close of closing.splice(0)) await close(); });

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{ port: number; paths: string[]; bodies: string[] }> {
  const paths: string[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    paths.push(`${request.method ?? ''} ${request.url ?? ''}`);
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
    request.on('end', () => {
      bodies.push(body);
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  closing.push(() => new Promise((resolve) => {
    server.close(() => { resolve(); });
    server.closeAllConnections();
  }));
  return { port: (server.address() as AddressInfo).port, paths, bodies };
}

const local = createAddressRules(['127.0.0.1']);
const never = new AbortController().signal;
const poster = (more: Partial<PostOptions> = {}) => {
  const send = createSafePost({ rules: local, timeoutMs: 5000, ...more });
  return (url: string, signal = never) => send(url, { 'content-type': 'application/json' }, '{"a":"é"}', signal);
};

test('posts the body, and tells status and Retry-After', async () => {
  const { port, paths, bodies } = await serve((_, response) => { response.writeHead(503, { 'retry-after': '9' }).end('busy'); });
  expect(await poster()(`http://127.0.0.1:${port}/hook?a=1`)).toEqual({ status: 503, retryAfter: '9' });
  expect(paths).toEqual(['POST /hook?a=1']);
  expect(bodies).toEqual(['{"a":"é"}']);
});

test('follows no redirect, wherever it leads', async () => {
  const { port, paths } = await serve((_, response) => { response.writeHead(302, { location: 'http://169.254.169.254/' }).end(); });
  expect(await poster()(`http://127.0.0.1:${port}/`)).toMatchObject({ status: 302 });
  expect(paths).toHaveLength(1);
});

test.each(['http://127.0.0.1', 'http://[::1]', 'http://2130706433', 'http://[::ffff:127.0.0.1]', 'http://0'])('connects to no address that is not public: %s', async (url) => {
  const { port, paths } = await serve((_, response) => { response.end(); });
  await expect(poster({ rules: createAddressRules([]) })(`${url}:${port}/`)).rejects.toMatchObject({ code: 'WEBHOOK_ADDRESS_REFUSED' });
  expect(paths).toEqual([]);
});

test.each([
  ['this machine', [{ address: '127.0.0.1', family: 4 }]], ['this machine in IPv6', [{ address: '::1', family: 6 }]], ['a private network', [{ address: '10.0.0.1', family: 4 }, { address: 'fd00::1', family: 6 }]],
  ['metadata', [{ address: '169.254.169.254', family: 4 }]], ['a mapped address', [{ address: '::ffff:127.0.0.1', family: 6 }]], ['nothing', []],
])('connects to no public name that resolves to %s', async (_, addresses) => {
  const { port, paths } = await serve((_request, response) => { response.end(); });
  await expect(poster({ rules: createAddressRules([]), resolve: () => Promise.resolve(addresses) })(`http://hooks.example.org:${port}/`)).rejects.toMatchObject({ code: 'WEBHOOK_ADDRESS_REFUSED' });
  expect(paths).toEqual([]);
});

test('a name that changes its mind is asked once, and what was looked at is what is connected to', async () => {
  const { port, paths } = await serve((_, response) => { response.end(); });
  let asked = 0;
  // The first answer is good, all later ones lead elsewhere.
  const resolve = () => Promise.resolve(asked++ === 0 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '127.0.0.9', family: 4 }]);
  const post = poster({ resolve });
  expect(await post(`http://hooks.example.org:${port}/`)).toMatchObject({ status: 200 });
  expect(asked).toBe(1);
  await expect(post(`http://hooks.example.org:${port}/`)).rejects.toMatchObject({ code: 'WEBHOOK_ADDRESS_REFUSED' });
  expect(paths).toHaveLength(1);
});

test('of several addresses only those are tried that may be', async () => {
  const { port } = await serve((_, response) => { response.end(); });
  const resolve = () => Promise.resolve([{ address: '127.0.0.2', family: 4 }, { address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 }]);
  expect(await poster({ resolve })(`http://hooks.example.org:${port}/`)).toMatchObject({ status: 200 });
});

test('waits no longer than it may for an answer', async () => {
  const { port } = await serve(() => undefined);
  await expect(poster({ timeoutMs: 100 })(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'WEBHOOK_UNDELIVERED', retriable: true });
});

test('ends a connection whose answer has no end', async () => {
  const ended = Promise.withResolvers<undefined>();
  const { port } = await serve((_, response) => {
    response.on('close', () => { ended.resolve(undefined); });
    response.writeHead(200);
    const more = (): void => { while (!response.destroyed && response.write('x'.repeat(10_000))); };
    response.on('drain', more);
    more();
  });
  expect(await poster()(`http://127.0.0.1:${port}/`)).toMatchObject({ status: 200 });
  await ended.promise;
});

test('is cut off with its attempt', async () => {
  const { port } = await serve(() => undefined);
  const attempt = new AbortController();
  const posting = poster()(`http://127.0.0.1:${port}/`, attempt.signal);
  attempt.abort(new Error('stopped'));
  await expect(posting).rejects.toThrow('stopped');
});

test('tells what trying again may mend from what it does not', async () => {
  const { port } = await serve((request) => { request.socket.destroy(); });
  await expect(poster()(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'WEBHOOK_UNDELIVERED' });
  const resolve = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  await expect(poster({ resolve })('http://hooks.example.org/')).rejects.toMatchObject({ code: 'WEBHOOK_UNDELIVERED' });
});

test('one that would rather speak another protocol is an answer like others, and does not keep its delivery for ever', async () => {
  const server = createSocketServer((socket) => {
    socket.on('error', () => undefined).once('data', () => { socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  closing.push(() => new Promise((resolve) => { server.close(() => { resolve(); }); }));
  expect(await poster()(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).toEqual({ status: 101, retryAfter: null });
});
