import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import type { EventFact } from '../../../shared/status/fact.ts';
import { bodyOf, deliveryId, matches, readCompletion, type Completion } from '../../../shared/webhooks/completion.ts';
import { signWebhook } from '../../../shared/webhooks/sign.ts';
import type { Subscription } from '../../../shared/webhooks/subscription.ts';
import { decideAnswer, WEBHOOK_KIND } from '../../../shared/webhooks/webhookJob.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const fact = (more: Partial<EventFact> = {}): EventFact => ({
  type: 'event', partition: 2, place: 40, event: 'done', id: 'job-1', kind: 'order.charge', key: 'ada', attempt: 3, atMs: NOW, worker: 'w', epoch: 1, reason: null, dueMs: null, error: null,
  progress: null, note: null, result: '{"sum":3}', ...more,
});
const completion = (more: Partial<EventFact> = {}): Completion => readCompletion('billing', fact(more)) as Completion;
const subscription: Subscription = {
  id: 'sub_1', url: 'https://example.org/', secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, description: '', queues: [], kinds: [], states: [], createdMs: NOW - 1000, disabledMs: null, disabledReason: null,
};

test.each([['done', 'done'], ['buried', 'dead'], ['discarded', 'cancelled'], ['cancelled', 'cancelled'], ['started', null], ['waiting', null], ['progress', null], ['duplicate', null], ['redriven', null], ['other', null]])('the event %s ends a job as %s', (event, state) => {
  expect(readCompletion('billing', fact({ event }))?.state ?? null).toBe(state);
});

test.each<[why: string, more: Partial<Subscription>, matching: boolean]>([
  ['it asks for all', {}, true], ['for this queue', { queues: ['mail', 'billing'] }, true], ['for another queue', { queues: ['mail'] }, false], ['for this kind', { kinds: ['order.charge'] }, true], ['for another kind', { kinds: ['order'] }, false],
  ['for this end', { states: ['done'] }, true], ['for another end', { states: ['dead', 'cancelled'] }, false], ['it is disabled', { disabledMs: 5 }, false], ['it was made after', { createdMs: NOW + 60_000 }, false], ['it was made just then, by another clock', { createdMs: NOW + 1000 }, true],
])('whether a subscription is told: %s', (_, more, matching) => {
  expect(matches({ ...subscription, ...more }, completion())).toBe(matching);
});

test('tells nobody of deliveries, so that two sets of subscriptions do not tell one another without end', () => {
  expect(matches(subscription, completion({ kind: WEBHOOK_KIND }))).toBe(false);
});

test('an end that is read twice is one delivery, and another of anything else', () => {
  const id = deliveryId('sub_1', completion());
  expect(deliveryId('sub_1', completion({ atMs: NOW + 500, epoch: 2, worker: 'other' }))).toBe(id);
  const others = [
    deliveryId('sub_2', completion()), deliveryId('sub_1', completion({ event: 'cancelled' })), deliveryId('sub_1', completion({ place: 41 })), deliveryId('sub_1', completion({ partition: 1 })), deliveryId('sub_1', completion({ id: 'job-2' })),
    deliveryId('sub_1', { ...completion(), queue: 'mail' }), deliveryId('sub_1', completion({ event: 'buried' })), deliveryId('sub_1', completion({ event: 'buried', atMs: NOW + 1 })),
  ];
  expect(new Set([id, ...others]).size).toBe(others.length + 1);
});

test('the body says what ended, and how', () => {
  expect(JSON.parse(bodyOf(completion()))).toEqual({
    type: 'job.done', timestamp: '2026-01-02T03:04:05.000Z',
    data: { id: 'job-1', kind: 'order.charge', queue: 'billing', key: 'ada', state: 'done', reason: null, attempts: 3, error: null, note: null, result: { sum: 3 }, place: 'billing/2/40' },
  });
  expect(JSON.parse(bodyOf(completion({ event: 'buried', reason: 'attempts', error: { code: 'E', message: 'no' }, result: null })))).toMatchObject({ type: 'job.dead', data: { reason: 'attempts', error: { code: 'E', message: 'no' } } });
});

test.each([['a result that is no JSON', { result: '{' }], ['a time beyond all dates', { atMs: 9e15 }]])('%s in an event stops nothing', (_, more) => {
  expect(() => bodyOf(completion(more))).not.toThrow();
});

test('the signature is what an independent implementation of Standard Webhooks verifies, and only for this body, id and time', () => {
  const verifier = new Webhook(subscription.secret);
  const body = bodyOf(completion());
  const headers = { ...signWebhook(subscription.secret, 'wh_1', Date.now(), body) };
  expect(verifier.verify(body, headers)).toMatchObject({ type: 'job.done' });
  expect(() => verifier.verify(body.replace('done', 'dead'), headers)).toThrow();
  expect(() => verifier.verify(body, { ...headers, 'webhook-id': 'wh_2' })).toThrow();
  expect(() => verifier.verify(body, { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 3) })).toThrow();
  expect(() => verifier.verify(body, signWebhook(subscription.secret, 'wh_1', Date.now() - 3_600_000, body) as never)).toThrow();
});

test.each<[status: number, retryAfter: string | null, outcome: object | null]>([
  [200, null, { type: 'done', result: '{"status":200}' }], [204, null, { type: 'done' }], [299, '5', { type: 'done' }],
  [410, null, { type: 'dead' }], [429, '7', { type: 'retry', afterMs: 7000 }], [503, '0', { type: 'retry', afterMs: 1000 }], [503, '9999999', { type: 'retry', afterMs: 86_400_000 }],
  [429, new Date(NOW + 60_000).toUTCString(), { type: 'retry', afterMs: 60_000 }], [429, new Date(NOW - 60_000).toUTCString(), { type: 'retry', afterMs: 1000 }],
  [429, null, null], [503, 'soon', null], [500, '7', null], [404, null, null], [301, null, null], [302, null, null], [100, null, null], [0, null, null],
])('an answer of %i (Retry-After: %s)', (status, retryAfter, outcome) => {
  if (outcome === null) expect(() => decideAnswer({ status, retryAfter }, NOW)).toThrow(expect.objectContaining({ code: 'WEBHOOK_UNDELIVERED', retriable: true }) as Error);
  else expect(decideAnswer({ status, retryAfter }, NOW)).toMatchObject(outcome);
});
