import { Webhook } from 'standardwebhooks';
import { expect, inject, onTestFinished, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createRegistry } from '../../../shared/avro/registry.ts';
import { migrate } from '../../../shared/database/migrate.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { dead, done } from '../../../shared/jobs/outcome.ts';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createAddressRules } from '../../../shared/webhooks/addressRules.ts';
import { WEBHOOKS, webhookMigrations } from '../../../shared/webhooks/migrations.ts';
import { createSafePost } from '../../../shared/webhooks/postSafely.ts';
import { makeSubscription, type Subscription, type SubscriptionWish } from '../../../shared/webhooks/subscription.ts';
import { createSubscriptions } from '../../../shared/webhooks/subscriptions.ts';
import { createWebhooks, type Webhooks } from '../../../shared/webhooks/webhooks.ts';
import { databaseKinds, openTestDatabase, type DatabaseKind } from '../../postgres/createDatabase.ts';
import { uniqueName } from '../../topicNames.ts';
import { sampleJob } from '../../unit/worker/sampleJob.ts';
import { startWebhooksProcess } from './webhooksProcess.ts';
import { openReceiver, type Receiver } from './receiver.ts';
import { until } from '../../until.ts';

const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });
const rules = createAddressRules(['127.0.0.1']);

async function openScene(kind: DatabaseKind) {
  const opened = await openTestDatabase(kind, inject('databaseUrl'));
  onTestFinished(() => opened.close());
  await migrate(opened.database, WEBHOOKS, webhookMigrations);
  const subscriptions = createSubscriptions(opened.database);
  const queue = uniqueName('hooked');
  const job = defineJob({
    kind: 'order.charge', queue, schema: jobV1, key: ({ customer }) => customer,
    handle: ({ sequence }) => (sequence < 0 ? dead('no such order') : done({ charged: sequence })),
  });
  const connection = { brokers: inject('brokers').split(','), registryUrl: inject('registryUrl') };
  const millrace = createMillrace({ ...connection, topics: { partitions: 2, replicationFactor: 1 }, logger });
  onTestFinished(() => millrace.close());
  const ownQueue = uniqueName('webhooks');
  const startWebhooks = async (): Promise<Webhooks> => {
    const webhooks = createWebhooks({
      broker: createKafkajsBroker({ brokers: connection.brokers }), registry: createRegistry({ url: connection.registryUrl }), database: opened.database,
      post: createSafePost({ rules, timeoutMs: 5000 }), clock: systemClock, logger, queue: ownQueue, topics: { partitions: 2, replicationFactor: 1 }, discoverEveryMs: 200,
    });
    onTestFinished(() => webhooks.stop());
    await webhooks.start();
    return webhooks;
  };
  const receiver = async (): Promise<Receiver> => {
    const made = await openReceiver();
    onTestFinished(() => made.close());
    return made;
  };
  const subscribe = async (wish: SubscriptionWish): Promise<Subscription> => {
    const made = makeSubscription({ queues: [queue], ...wish }, rules, Date.now());
    await subscriptions.add(made);
    return made;
  };
  return { databaseUrl: opened.url, subscriptions, queue, job, millrace, startWebhooks, receiver, subscribe };
}

const typeOf = ({ body }: { readonly body: string }): string => (JSON.parse(body) as { type: string }).type;

test.each(databaseKinds)('who subscribed is told of each end once, signed, though the reader of events is started anew and reads them again (%s)', async (kind) => {
  const { job, millrace, startWebhooks, receiver, subscribe, queue } = await openScene(kind);
  const [all, onlyDead] = [await receiver(), await receiver()];
  const subscription = await subscribe({ url: all.url });
  await subscribe({ url: onlyDead.url, states: ['dead'], kinds: ['order.charge'] });
  await subscribe({ url: onlyDead.url, queues: ['another'] });
  await millrace.work([job]);
  const first = await startWebhooks();
  const receipt = await millrace.enqueue(job, { ...sampleJob(7), customer: 'ada' });
  await millrace.enqueue(job, { ...sampleJob(-1), customer: 'bob' });
  await until(() => all.received.length === 2 && onlyDead.received.length === 1, 'three deliveries');

  const told = all.received.find((one) => typeOf(one) === 'job.done');
  expect(new Webhook(subscription.secret).verify(told?.body ?? '', told?.headers ?? {})).toMatchObject({ type: 'job.done', data: { id: receipt.id, queue, key: 'ada', state: 'done', result: { charged: 7 } } });
  expect(JSON.parse(onlyDead.received[0]?.body ?? '')).toMatchObject({ type: 'job.dead', data: { reason: 'dead', error: { message: 'no such order' } } });

  // A reader that lost its place reads all events again: the deliveries are the same, and dropped.
  await first.stop();
  const admin = createKafkajsBroker({ brokers: inject('brokers').split(',') }).createAdmin({ clientId: 'test' });
  await admin.setCommitted(`millrace.webhooks.${queue}`, [0, 1].map((partition) => ({ partition, positions: [{ topic: `${queue}.events`, offset: 0, metadata: '' }] })));
  await admin.close();
  await startWebhooks();
  await millrace.enqueue(job, { ...sampleJob(8), customer: 'ada' });
  await until(() => all.received.some(({ body }) => body.includes('"charged":8')), 'what came after');
  expect(all.received).toHaveLength(3);
  expect(onlyDead.received).toHaveLength(1);
  expect(new Set(all.received.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
});

test('of the process that people run, a receiver that was down is told when it is up, by the same id; one that is gone is told no more', async () => {
  const { job, millrace, receiver, subscribe, subscriptions, databaseUrl } = await openScene('postgres');
  const [down, gone] = [await receiver(), await receiver()];
  down.answer = { status: 503, headers: { 'retry-after': '1' } };
  gone.answer = { status: 410 };
  await subscribe({ url: down.url });
  const left = await subscribe({ url: gone.url });
  await millrace.work([job]);
  const webhooks = await startWebhooksProcess({ KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), DATABASE_URL: databaseUrl ?? '', MILLRACE_WEBHOOKS_ALLOW: '127.0.0.1' });
  onTestFinished(async () => { await webhooks.stop(); });
  await millrace.enqueue(job, { ...sampleJob(1), customer: 'ada' });
  await until(() => down.received.length >= 2 && gone.received.length === 1, 'tries');
  down.answer = { status: 200 };
  await until(() => down.received.at(-1)?.status === 200, 'the delivery');
  expect(new Set(down.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  await until(async () => (await subscriptions.find(left.id))?.disabledMs !== null, 'the subscription to be disabled');
  await millrace.enqueue(job, { ...sampleJob(2), customer: 'ada' });
  await until(() => down.received.some(({ body }) => body.includes('"charged":2')), 'the next');
  expect(gone.received).toHaveLength(1);
  expect(await webhooks.stop()).toBe(0);
});
