import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../../shared/runtime/health.ts';
import { createHttpEndpoint, type HttpEndpoint, type HttpEndpointOptions } from '../../../shared/runtime/httpEndpoint.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

const logger = createLogger({ level: 'silent', service: 'test', clock: createVirtualClock(0) });
const well: HealthCheck = { name: 'consumer', check: () => ({ ok: true, reason: '6 partitions active' }) };
const ill: HealthCheck = { name: 'progress', check: () => ({ ok: false, reason: 'stuck' }) };
const broken: HealthCheck = { name: 'broken', check: () => { throw new Error('oops'); } };
const open: HttpEndpoint[] = [];

async function serve(options: Partial<HttpEndpointOptions> = {}) {
  const metrics = { render: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a 1\n' }) };
  const endpoint = createHttpEndpoint({ host: '127.0.0.1', port: 0, metrics, live: [well], ready: [well, ill], logger, ...options });
  open.push(endpoint);
  const port = await endpoint.start();
  return { endpoint, port, get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init) };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((endpoint) => endpoint.stop()));
});

describe('the HTTP endpoint', () => {
  it('shows the metrics', async () => {
    const { get } = await serve();
    const response = await get('/metrics?x=1');
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, 'text/plain; version=0.0.4', 'a 1\n']);
  });

  it('answers 200 when each check is well, and says why', async () => {
    const { get } = await serve();
    const response = await get('/livez');
    expect([response.status, await response.json()]).toEqual([200, { ok: true, checks: { consumer: { ok: true, reason: '6 partitions active' } } }]);
  });

  it('answers 503 when one is not, and says which', async () => {
    const { get } = await serve({ ready: [well, ill, broken] });
    const response = await get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ ok: false, checks: { consumer: { ok: true }, progress: { reason: 'stuck' }, broken: { ok: false, reason: 'the check itself failed: oops' } } });
  });

  it('knows nothing else, and changes nothing', async () => {
    const { get } = await serve();
    expect((await get('/')).status).toBe(404);
    expect((await get('//livez/..')).status).toBe(404);
    expect((await get('/livez', { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await get('/livez', { method: 'HEAD' })).status).toBe(200);
  });

  it('survives metrics that fail', async () => {
    const { get } = await serve({ metrics: { render: () => Promise.reject(new Error('no')) } });
    expect((await get('/metrics')).status).toBe(500);
    expect((await get('/livez')).status).toBe(200);
  });

  it('says which setting to change when its port is taken', async () => {
    const { port } = await serve();
    await expect(serve({ port })).rejects.toMatchObject({ code: 'BAD_CONFIG', detail: { at: `127.0.0.1:${port}`, got: 'EADDRINUSE' } });
  });

  it('stops although somebody never finishes a request', async () => {
    const { endpoint, port } = await serve();
    const socket = connect(port, '127.0.0.1');
    // A whole request, so that its answer tells that the server reads; and half of another.
    socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /livez HTTP/1.1\r\n');
    await new Promise<void>((resolve) => { socket.once('data', () => { resolve(); }); });
    const closed = new Promise<void>((resolve) => { socket.once('close', () => { resolve(); }); });
    socket.on('error', () => undefined);
    const startedMs = performance.now();
    await endpoint.stop();
    await closed;
    expect(performance.now() - startedMs).toBeLessThan(3000); // the half request alone would be waited for 5 s
    await endpoint.stop();
  });
});
