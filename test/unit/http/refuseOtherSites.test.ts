import { expect, test } from 'vitest';
import { createHttpApp } from '../../../shared/http/createHttpApp.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

async function ask(method: 'GET' | 'POST', headers: Record<string, string>): Promise<number> {
  const app = await createHttpApp({ logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }), title: 't', description: 'd', version: '1' });
  app.route({ method: ['GET', 'POST'], url: '/pause', handler: () => ({}) });
  const { statusCode } = await app.inject({ method, url: '/pause', headers: { host: 'localhost:9420', ...headers } });
  await app.close();
  return statusCode;
}

test.each([
  ['a page of another site', { 'sec-fetch-site': 'cross-site', 'origin': 'https://elsewhere.example' }], ['one of a sister site', { 'sec-fetch-site': 'same-site' }],
  ['one whose browser tells its origin alone', { origin: 'http://elsewhere.example' }], ['one that has no origin', { origin: 'null' }],
])('%s cannot give commands through its visitor\'s browser, but may ask', async (_, headers) => {
  expect(await ask('POST', headers)).toBe(403);
  expect(await ask('GET', headers)).toBe(200);
});

test.each([
  ['programs', {}], ['a page of this address', { 'sec-fetch-site': 'same-origin', 'origin': 'http://localhost:9420' }], ['one whose browser tells its origin alone', { origin: 'http://localhost:9420' }],
])('%s can', async (_, headers) => { expect(await ask('POST', headers)).toBe(200); });
