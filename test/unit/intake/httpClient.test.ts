import { expect, it } from 'vitest';
import { createHttpClient } from '../../../shared/intake/httpClient.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

interface Sent { readonly atMs: number; readonly key: string | null; readonly body: string }
type Reply = { readonly status: number; readonly body: object | string; readonly retryAfter?: string } | 'lost';

function scene(replies: Reply[], random = 0) {
  const clock = createVirtualClock(0);
  const sent: Sent[] = [];
  const client = createHttpClient({
    url: 'http://intake/', clock, random: () => random, deliveryTimeout: '1m',
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers);
      sent.push({ atMs: clock.monotonic(), key: headers.get('idempotency-key'), body: init?.body as string });
      const reply = replies.shift();
      if (reply === undefined || reply === 'lost') throw new TypeError('fetch failed');
      return new Response(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body), { status: reply.status, headers: reply.retryAfter === undefined ? {} : { 'retry-after': reply.retryAfter } });
    },
  });
  return { clock, sent, client };
}

const accepted = { id: 'a', kind: 'k', queue: 'q', at: 'q/0/0' };
const full: Reply = { status: 503, body: { code: 'QUEUE_FULL', detail: 'full' }, retryAfter: '7' };

it('sends again under the same key, not before the time that it was told, spread by chance', async () => {
  const { clock, sent, client } = scene(['lost', full, { status: 202, body: accepted }], 0.5);
  const done = client.enqueue('k', { bytes: Buffer.from('hi'), big: 5n });
  await clock.advance(60_000);
  expect(await done).toEqual(accepted);
  expect(sent.map(({ atMs }) => atMs - (sent[0]?.atMs ?? 0))).toEqual([0, 50, 50 + 7000 + 875]);
  expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
  expect(JSON.parse(sent[0]?.body ?? '')).toEqual({ kind: 'k', payload: { bytes: 'aGk=', big: '5' } });
});

it('gives up when the named time lies beyond its own, with the reason', async () => {
  const { sent, client } = scene([{ status: 503, body: { code: 'QUEUE_FULL' }, retryAfter: '61' }]);
  await expect(client.enqueue('k', {})).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  expect(sent).toHaveLength(1);
});

it('does not send again what was refused, and passes on the fields', async () => {
  const errors = [{ field: 'body.payload.x', message: 'expected text' }];
  const { sent, client } = scene([{ status: 422, body: { code: 'BAD_PAYLOAD', errors } }]);
  await expect(client.enqueue('k', {})).rejects.toMatchObject({ code: 'BAD_PAYLOAD', detail: { fields: errors } });
  expect(sent).toHaveLength(1);
});

it('sends again only those lines of a batch that could not be taken or were not answered', async () => {
  const lines = (...results: object[]): string => results.map((result) => JSON.stringify(result)).join('\n');
  const { clock, sent, client } = scene([
    { status: 200, body: lines({ line: 1, status: 202, job: accepted }, { line: 2, status: 422, problem: { code: 'BAD_PAYLOAD' } }, { line: 3, status: 503, problem: { code: 'QUEUE_FULL' }, retryAfter: 3 }) },
    { status: 200, body: lines({ line: 1, status: 202, job: { ...accepted, id: 'c' } }, { line: 2, status: 202, job: { ...accepted, id: 'd' } }) },
  ]);
  const done = client.enqueueMany(['a', 'b', 'c', 'd'].map((name) => ({ kind: 'k', payload: { name } })));
  await clock.advance(60_000);
  expect(await done).toMatchObject([{ id: 'a' }, { code: 'BAD_PAYLOAD' }, { id: 'c' }, { id: 'd' }]);
  expect((sent[1]?.atMs ?? 0) - (sent[0]?.atMs ?? 0)).toBe(3000);
  const keys = sent.map(({ body }) => body.trim().split('\n').map((line) => (JSON.parse(line) as { idempotencyKey: string }).idempotencyKey));
  expect(keys[1]).toEqual(keys[0]?.slice(2));
});
