import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createRegistry, type Registry } from '../../../shared/avro/registry.ts';
import type { RegistryOptions } from '../../../shared/avro/registryRequest.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  })));
});

async function serve(listener: RequestListener, options: Partial<RegistryOptions> = {}, credentials = ''): Promise<Registry> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return createRegistry({ url: `http://${credentials}127.0.0.1:${String((server.address() as AddressInfo).port)}/apis`, ...options });
}

const answer = (status: number, body: unknown): RequestListener => (_request, response) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
};

const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'resolved', (error: unknown) => {
    if (isMillraceError(error)) return error.code;
    throw error;
  });

describe('the registry client', () => {
  test.each<[string, number, unknown, string]>([
    ['the registry knows no such id', 404, { error_code: 40403, message: 'Schema not found' }, 'SCHEMA_UNKNOWN'],
    ['the address has no such path, in Confluent words', 404, { error_code: 404, message: 'HTTP 404 Not Found' }, 'REGISTRY_UNAVAILABLE'],
    ['the address has no such path, in other words', 404, '<html>Not Found</html>', 'REGISTRY_UNAVAILABLE'],
    ['it is overloaded', 429, { error_code: 429, message: 'slow down' }, 'REGISTRY_UNAVAILABLE'],
    ['it fails', 500, { error_code: 50001, message: 'store error' }, 'REGISTRY_UNAVAILABLE'],
    ['a proxy cannot reach it', 502, '<html>Bad Gateway</html>', 'REGISTRY_UNAVAILABLE'],
    ['the credentials are refused', 401, { error_code: 40101, message: 'Unauthorized' }, 'REGISTRY_UNAVAILABLE'],
    ['the answer is no JSON', 200, 'hello', 'REGISTRY_UNAVAILABLE'],
    ['the answer is a list', 200, [], 'REGISTRY_UNAVAILABLE'],
    ['the answer has no schema', 200, {}, 'REGISTRY_UNAVAILABLE'],
    ['the schema is no text', 200, { schema: 12 }, 'REGISTRY_UNAVAILABLE'],
    ['the schema is Protobuf', 200, { schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' }, 'SCHEMA_INVALID'],
    ['the schema refers to others', 200, { schema: '"a.B"', references: [{ name: 'a.B', subject: 'a.B', version: 1 }] }, 'SCHEMA_INVALID'],
    ['all is well', 200, { schema: '"string"' }, 'resolved'],
  ])('when %s', async (_name, status, body, code) => {
    const registry = await serve(answer(status, body));
    expect(await codeOf(registry.schemaById(1))).toBe(code);
  });

  test('follows no redirect: it could lead to anywhere', async () => {
    const asked: (string | undefined)[] = [];
    const registry = await serve((request, response) => {
      asked.push(request.url);
      if (request.url === '/elsewhere') answer(200, { schema: '"string"' })(request, response);
      else response.writeHead(302, { location: '/elsewhere' }).end('{}');
    });
    expect(await codeOf(registry.schemaById(1))).toBe('REGISTRY_UNAVAILABLE');
    expect(asked).toEqual(['/apis/schemas/ids/1']);
  });

  test('gives up on an answer that does not come', async () => {
    const registry = await serve(() => undefined, { timeoutMs: 50 });
    expect(await codeOf(registry.schemaById(1))).toBe('REGISTRY_UNAVAILABLE');
  });

  test('gives up on an answer that begins and never ends', async () => {
    const registry = await serve((_request, response) => { response.writeHead(200).write('{"schema":"'); }, { timeoutMs: 50 });
    expect(await codeOf(registry.schemaById(1))).toBe('REGISTRY_UNAVAILABLE');
  });

  test('reads no more of an endless answer than allowed', async () => {
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    const registry = await serve((_request, response) => {
      const chunk = Buffer.alloc(16 * 1024, 0x61);
      const pour = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', pour).on('close', closed.resolve);
      pour();
    }, { maxReplyBytes: 100_000 });
    expect(await codeOf(registry.schemaById(1))).toBe('REGISTRY_UNAVAILABLE');
    await closed.promise;
    expect(sent).toBeLessThan(20_000_000);
  });

  test('says where it tried to connect when nobody listens', async () => {
    const registry = await serve(answer(200, {}));
    const [server] = servers;
    await new Promise((done) => server?.close(done));
    await expect(registry.schemaById(1)).rejects.toThrow(/GET schemas\/ids\/1 at http:\/\/127\.0\.0\.1:\d+\/apis\/.*ECONNREFUSED/);
  });

  test('sends the credentials of its address as basic auth, and shows them in no message', async () => {
    const seen: (string | undefined)[] = [];
    const registry = await serve((request, response) => {
      seen.push(request.headers.authorization);
      answer(500, {})(request, response);
    }, {}, 'ann:s%40cret@');
    const error: unknown = await registry.schemaById(1).catch((thrown: unknown) => thrown);
    expect(seen).toEqual([`Basic ${Buffer.from('ann:s@cret').toString('base64')}`]);
    expect(String(error)).not.toMatch(/s@cret|s%40cret|ann/);
  });

  test.each(['', 'localhost:8081', 'ftp://x', 'not a url'])('refuses the address %j', (url) => {
    expect(() => createRegistry({ url })).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  test('keeps the order of first the rule, then the schema, and leaves a rule that is right alone', async () => {
    const seen: string[] = [];
    let level = 'NONE';
    const registry = await serve((request: IncomingMessage, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
      if (request.method === 'PUT') level = 'BACKWARD_TRANSITIVE';
      answer(200, request.method === 'POST' ? { id: 11 } : { compatibilityLevel: level })(request, response);
    });
    expect(await registry.register('a/b.C', 'string')).toBe(11);
    expect(await registry.register('a/b.C', 'string')).toBe(11);
    expect(seen).toEqual([
      'GET /apis/config/a%2Fb.C', 'PUT /apis/config/a%2Fb.C', 'POST /apis/subjects/a%2Fb.C/versions',
      'GET /apis/config/a%2Fb.C', 'POST /apis/subjects/a%2Fb.C/versions',
    ]);
  });
});
