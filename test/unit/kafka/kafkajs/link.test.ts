import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cluster } from '../../../../shared/kafka/kafkajs/cluster.ts';
import { Link } from '../../../../shared/kafka/kafkajs/link.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';

const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
/** Metadata; tests that send no real one use its number. */
const TEST_API = 3;
const LIMIT_MS = 200;

/** Speaks Kafka's frames; answers the handshake, and other requests as the test says. */
let answer: (socket: Socket, correlationId: number) => void;
let server: Server;
let port: number;
const sockets: Socket[] = [];
const links: { close(): void }[] = [];
beforeEach(async () => {
  answer = () => undefined;
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const [apiKey, correlationId] = [received.readInt16BE(4), received.readInt32BE(8)];
        received = received.subarray(4 + received.readInt32BE(0));
        if (apiKey === API_VERSIONS) socket.write(reply(correlationId, apiVersions));
        else answer(socket, correlationId);
      }
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  ({ port } = server.address() as { port: number });
});
afterEach(() => {
  for (const link of links.splice(0)) link.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

const apiVersions = (() => {
  const apis = [[API_VERSIONS, 0, 2], [SASL_HANDSHAKE, 0, 1], [36, 0, 1], [TEST_API, 0, 0]] as const;
  const bytes = Buffer.alloc(2 + 4 + apis.length * 6 + 4);
  bytes.writeInt32BE(apis.length, 2);
  apis.forEach((api, index) => api.forEach((number, part) => bytes.writeInt16BE(number, 6 + index * 6 + part * 2)));
  return bytes;
})();

/** A Metadata reply, version 0: one broker, no topics. */
function metadataOf(nodeId: number, itsPort: number): Buffer {
  const host = '127.0.0.1';
  const bytes = Buffer.alloc(4 + 4 + 2 + host.length + 4 + 4);
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(nodeId, 4);
  bytes.writeInt16BE(host.length, 8);
  bytes.write(host, 10);
  bytes.writeInt32BE(itsPort, 10 + host.length);
  return bytes;
}

function reply(correlationId: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + body.length, 0);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, body]);
}

async function open(options: { readonly sasl?: object; readonly silent?: (sinceMs: number) => void } = {}): Promise<Link> {
  const { sasl, silent = () => undefined } = options;
  const link = await Link.open({ clientId: 'test', connectTimeoutMs: 1000, ...(sasl === undefined ? {} : { sasl }) }, '127.0.0.1', port, { clock: systemClock, requestTimeoutMs: LIMIT_MS, silent });
  links.push(link);
  return link;
}

const question = { apiKey: TEST_API, apiVersion: 0, apiName: 'Question', encode: async () => { const buffer = Buffer.alloc(0); return { buf: buffer, buffer }; } };
const bytesOf = (raw: Buffer): number => raw.length;

describe('a link', () => {
  it('gives up a request that is not answered in time, tells since when it was silent, and is not used again', async () => {
    const silences: number[] = [];
    const link = await open({ silent: (sinceMs) => { silences.push(sinceMs); } });
    const askedMs = performance.now();
    await expect(link.requestRaw(question, bytesOf)).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
    expect(performance.now() - askedMs).toBeGreaterThanOrEqual(LIMIT_MS);
    expect(silences).toHaveLength(1);
    expect(silences[0]).toBeGreaterThanOrEqual(askedMs);
    expect(link.usable).toBe(false);
  });

  it('waits as long as a large answer keeps coming over a slow line, where it is told to', async () => {
    const body = Buffer.alloc(12);
    answer = (socket, correlationId) => {
      void (async () => {
        for (const byte of reply(correlationId, body)) {
          socket.write(Buffer.from([byte]));
          await sleep(LIMIT_MS / 5);
        }
      })();
    };
    const link = await open();
    expect(await link.requestRaw(question, bytesOf, null, 'while-it-comes')).toBe(body.length);
    await expect(link.requestRaw(question, bytesOf)).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
  });

  it('still gives up an answer that stops half-way', async () => {
    answer = (socket, correlationId) => { socket.write(reply(correlationId, Buffer.alloc(100)).subarray(0, 50)); };
    const link = await open();
    await expect(link.requestRaw(question, bytesOf, null, 'while-it-comes')).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
  });

  it('takes an answer that came while its own event loop was blocked past the limit', async () => {
    answer = (socket, correlationId) => { socket.write(reply(correlationId, Buffer.alloc(3))); };
    const link = await open();
    const asked = link.requestRaw(question, bytesOf);
    setImmediate(() => {
      const untilMs = performance.now() + 2 * LIMIT_MS;
      while (performance.now() < untilMs);
    });
    expect(await asked).toBe(3);
  });

  it('does not open when the broker says nothing to its credentials: its authentication would hang for ever', async () => {
    await expect(open({ sasl: { mechanism: 'plain', username: 'u', password: 'p' } })).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
  });
});

describe('links of one client to one broker', () => {
  it('are not opened to a broker that fell silent before others were asked who leads now', async () => {
    let metadataAsked = 0;
    let hangs = false;
    answer = (socket, correlationId) => {
      if (hangs) return;
      metadataAsked += 1;
      socket.write(reply(correlationId, metadataOf(1, port)));
    };
    const cluster = new Cluster([`127.0.0.1:${port}`], { clientId: 'test', connectTimeoutMs: 1000 }, systemClock, LIMIT_MS);
    links.push(cluster);
    await cluster.refresh();
    const link = await cluster.link(1, 'asked');
    hangs = true;
    await expect(link.requestRaw(question, bytesOf)).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
    hangs = false;
    const opened = sockets.length;
    await expect(cluster.link(1, 'asked')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    // The one new connection is that of the question to the cluster, whose own link was as silent.
    expect([metadataAsked, sockets.length - opened]).toEqual([2, 1]);
    expect((await cluster.link(1, 'asked')).usable).toBe(true);
  });

  it('are given up together when one finds the broker silent, but not one that heard of it since', async () => {
    const cluster = new Cluster([`127.0.0.1:${port}`], { clientId: 'test', connectTimeoutMs: 1000 }, systemClock, LIMIT_MS);
    links.push(cluster);
    answer = (socket, correlationId) => { if (sockets.indexOf(socket) === 2) socket.write(reply(correlationId, Buffer.alloc(1))); };
    const [asked, idle, lively] = [await cluster.anyLink('asked'), await cluster.anyLink('idle'), await cluster.anyLink('lively')];
    const failed = asked.requestRaw(question, bytesOf);
    failed.catch(() => undefined);
    await sleep(LIMIT_MS / 2);
    await lively.requestRaw(question, bytesOf);
    await expect(failed).rejects.toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
    expect([asked.usable, idle.usable, lively.usable]).toEqual([false, false, true]);
    expect(await cluster.anyLink('idle')).not.toBe(idle);
  });
});
