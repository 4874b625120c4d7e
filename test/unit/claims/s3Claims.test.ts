import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { objectName, sha256Of } from '../../../shared/claims/objectName.ts';
import { createS3Claims } from '../../../shared/claims/s3Claims.ts';

/** A store that answers as the test says; whether it is still listened to is told by its connections. */
let answer: (response: ServerResponse) => void = () => undefined;
const server = createServer((_request, response) => { answer(response); });
let store: ReturnType<typeof createS3Claims>;
beforeAll(async () => {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  store = createS3Claims({ bucket: 'claims', client: { endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true, region: 'us-east-1', maxAttempts: 1, credentials: { accessKeyId: 'any', secretAccessKey: 'any' } } });
});
afterAll(async () => {
  await store.close();
  server.closeAllConnections();
  await new Promise((resolve) => { server.close(resolve); });
});

const object = objectName('billing', sha256Of(Buffer.from('x')), 0);

test('stops reading an object that goes on past what its claim says, though the server told no length', async () => {
  let sent = 0;
  const gone = new Promise<void>((resolve) => {
    answer = (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16 * 1024))) sent += 16 * 1024;
      };
      response.on('drain', more).on('close', resolve);
      more();
    };
  });
  await expect(store.get(object, 100_000)).rejects.toMatchObject({ code: 'CLAIM_MISMATCH', retriable: false });
  await gone;
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test('gives an object of just that size, length or none, and refuses what says that it is larger before it comes', async () => {
  answer = (response) => { response.writeHead(200).write('abc'); response.end('de'); };
  expect(String(await store.get(object, 5))).toBe('abcde');
  await expect(store.get(object, 4)).rejects.toMatchObject({ code: 'CLAIM_MISMATCH' });
  answer = (response) => { response.writeHead(200, { 'content-length': 5 }).end('abcde'); };
  expect(String(await store.get(object, 5))).toBe('abcde');
  answer = (response) => { response.writeHead(200, { 'content-length': 6 }).flushHeaders(); };
  await expect(store.get(object, 5)).rejects.toMatchObject({ code: 'CLAIM_MISMATCH' });
  answer = (response) => { response.writeHead(200, { 'content-length': 0 }).end(); };
  expect(await store.get(object, 5)).toEqual(Buffer.alloc(0));
});

test('takes an answer that breaks off for an outage', async () => {
  answer = (response) => { response.writeHead(200, { 'content-length': 5 }).write('abc', () => { response.destroy(); }); };
  await expect(store.get(object, 5)).rejects.toMatchObject({ code: 'CLAIM_STORE_UNAVAILABLE', retriable: true });
});
