import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the registry does with a request. */
export type RegistryTrouble = 'none' | 'hangs' | 'refuses' | 'answers 500' | 'answers 404 of a proxy' | 'slow';

/** An HTTP proxy before the registry, and what it does to requests. */
export interface ChaosRegistry {
  /** What workers use. */
  readonly url: string;
  trouble: RegistryTrouble;
  /** Requests that met a trouble. */
  readonly troubled: number;
  close(): Promise<void>;
}

export async function openChaosRegistry(realUrl: string, random: () => number = Math.random): Promise<ChaosRegistry> {
  let troubled = 0;
  const registry = { url: '', trouble: 'none' as RegistryTrouble, get troubled() { return troubled; }, close };
  const server = createServer((request, response) => {
    if (registry.trouble !== 'none') troubled++;
    answer(registry.trouble, request, response).catch(() => { response.destroy(); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  registry.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return registry;

  async function answer(trouble: RegistryTrouble, request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (trouble) {
      case 'hangs': return;
      case 'refuses': response.destroy(); return;
      case 'answers 500': response.writeHead(500, { 'content-type': 'application/json' }).end('{"error_code":50001,"message":"store timeout"}'); return;
      case 'answers 404 of a proxy': response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"no Route matched with those values"}'); return;
      case 'slow': await sleep(2000 + 2000 * random()); break;
      case 'none': break;
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const method = request.method ?? 'GET';
    const real = await fetch(realUrl + (request.url ?? ''), { method, headers: { 'content-type': request.headers['content-type'] ?? '' }, ...(method === 'GET' ? {} : { body: Buffer.concat(parts) }) });
    response.writeHead(real.status, { 'content-type': real.headers.get('content-type') ?? '' }).end(await real.text());
  }

  function close(): Promise<void> {
    server.closeAllConnections();
    return new Promise((resolve) => { server.close(() => { resolve(); }); });
  }
}
