import type { FastifyInstance } from 'fastify';
import { migrate } from '../../../shared/database/migrate.ts';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { toTime } from '../../../shared/status/jobView.ts';
import type { AddressRules } from '../../../shared/webhooks/addressRules.ts';
import { WEBHOOKS, webhookMigrations } from '../../../shared/webhooks/migrations.ts';
import { endStates, makeSubscription, type Subscription, type SubscriptionWish } from '../../../shared/webhooks/subscription.ts';
import { createSubscriptions } from '../../../shared/webhooks/subscriptions.ts';
import { commandTroubles, troubles } from './jobRoutes.ts';
import { soundText } from './soundText.ts';

export interface WebhookRouteParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly rules: AddressRules;
}

const names = (maxLength: number) => ({ type: 'array', maxItems: 100, items: { type: 'string', minLength: 1, maxLength } } as const);

const wishBody = {
  type: 'object', required: ['url'], additionalProperties: false,
  properties: {
    url: { type: 'string', maxLength: 2048 }, description: { type: 'string', maxLength: 200 },
    queues: { ...names(249), description: 'None: all' }, kinds: { ...names(300), description: 'None: all' },
    states: { type: 'array', maxItems: 3, items: { type: 'string', enum: endStates }, description: 'None: all' },
  },
} as const;

const webhookSchema = {
  $id: 'Webhook', type: 'object', required: ['id', 'url', 'description', 'queues', 'kinds', 'states', 'createdAt', 'disabledAt', 'disabledReason'],
  properties: {
    id: { type: 'string' }, url: { type: 'string' }, description: { type: 'string' },
    queues: { type: 'array', items: { type: 'string' } }, kinds: { type: 'array', items: { type: 'string' } }, states: { type: 'array', items: { type: 'string' } },
    createdAt: { type: 'string', format: 'date-time' }, disabledAt: { type: ['string', 'null'], format: 'date-time' }, disabledReason: { type: ['string', 'null'] },
    secret: { type: 'string', description: 'What signatures are made with; told once, when it is made' },
  },
} as const;

const params = { type: 'object', required: ['id'], properties: { id: { type: 'string', maxLength: 100 } } } as const;

/** Who is told of the ends of jobs. */
export async function addWebhookRoutes(app: FastifyInstance, { database, clock, rules }: WebhookRouteParts): Promise<void> {
  await migrate(database, WEBHOOKS, webhookMigrations);
  app.addSchema(webhookSchema);
  const subscriptions = createSubscriptions(database);
  const mustFind = async (id: string): Promise<Subscription> => {
    const found = await subscriptions.find(id);
    if (found === null) throw new MillraceError('WEBHOOK_UNKNOWN', { at: id });
    return found;
  };

  app.get('/v1/webhooks', { schema: { summary: 'Who is told of the ends of jobs', response: { 200: { type: 'object', properties: { webhooks: { type: 'array', items: { $ref: 'Webhook#' } } } }, ...troubles } } }, async () => (
    { webhooks: (await subscriptions.list()).map(toView) }
  ));

  app.post<{ Body: SubscriptionWish }>('/v1/webhooks', {
    schema: { summary: 'Posts to an address when a job ends; the answer tells the secret of its signatures, once', body: wishBody, response: { 201: { $ref: 'Webhook#' }, ...commandTroubles } },
  }, async ({ body }, reply) => {
    for (const [name, texts] of Object.entries(body)) for (const text of [texts].flat()) soundText(name, String(text));
    const made = makeSubscription(body, rules, clock.now());
    await subscriptions.add(made);
    return reply.code(201).header('location', `/v1/webhooks/${made.id}`).send({ ...toView(made), secret: made.secret });
  });

  app.get<{ Params: { readonly id: string } }>('/v1/webhooks/:id', { schema: { summary: 'One of them', params, response: { 200: { $ref: 'Webhook#' }, ...troubles } } }, async ({ params: { id } }) => toView(await mustFind(id)));

  app.delete<{ Params: { readonly id: string } }>('/v1/webhooks/:id', { schema: { summary: 'Ends it, also for what is under way', params, response: { 204: { type: 'null', description: 'Ended' }, ...troubles } } }, async ({ params: { id } }, reply) => {
    if (!await subscriptions.remove(id)) throw new MillraceError('WEBHOOK_UNKNOWN', { at: id });
    return reply.code(204).send();
  });
}

function toView({ secret: _, createdMs, disabledMs, ...shown }: Subscription) {
  return { ...shown, createdAt: toTime(createdMs), disabledAt: toTime(disabledMs) };
}
