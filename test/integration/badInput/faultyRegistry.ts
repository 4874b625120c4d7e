import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the registry does with a request. */
export type RegistryFault = 'none' | 'hangs' | 'refuses' | 'answers 500' | 'answers 503 as HTML' | 'answers 404 of a proxy' | 'answers nonsense' | 'asks for a password';

export interface FaultyRegistry {
  readonly url: string;
  fault: RegistryFault;
  /** Requests that met the fault. */
  readonly faulted: number;
  close(): Promise<void>;
}

/** A registry on loopback that hands requests on to the real one, unless it has a fault. */
export async function createFaultyRegistry(realUrl: string): Promise<FaultyRegistry> {
  let faulted = 0;
  const registry = { url: '', fault: 'none' as RegistryFault, get faulted() { return faulted; }, close };
  const server = createServer((request, response) => {
    if (registry.fault !== 'none') faulted++;
    answer(registry.fault, request, response, realUrl).catch(() => { response.destroy(); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  registry.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return registry;

  function close(): Promise<void> {
    server.closeAllConnections();
    return new Promise((resolve) => { server.close(() => { resolve(); }); });
  }
}

async function answer(fault: RegistryFault, request: IncomingMessage, response: ServerResponse, realUrl: string): Promise<void> {
  const say = (status: number, type: string, body: string): void => { response.writeHead(status, { 'content-type': type }).end(body); };
  switch (fault) {
    case 'none': {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const method = request.method ?? 'GET';
      const real = await fetch(realUrl + (request.url ?? ''), { method, headers: { 'content-type': request.headers['content-type'] ?? '' }, ...(method === 'GET' ? {} : { body: Buffer.concat(parts) }) });
      say(real.status, real.headers.get('content-type') ?? '', await real.text());
      return;
    }
    case 'hangs': return;
    case 'refuses': response.destroy(); return;
    case 'answers 500': say(500, 'application/json', '{"error_code":50001,"message":"store timeout"}'); return;
    case 'answers 503 as HTML': say(503, 'text/html', '<h1>Service Unavailable</h1>'); return;
    case 'answers 404 of a proxy': say(404, 'application/json', '{"message":"no Route matched with those values"}'); return;
    case 'answers nonsense': say(200, 'application/json', '{"hello":"world"}'); return;
    case 'asks for a password': say(401, 'application/json', '{"error_code":40101,"message":"unauthorized"}'); return;
  }
}
