import { createCodec } from '../avro/codec.ts';
import { createPlainDecoder } from '../avro/plainDecoder.ts';
import type { Registry } from '../avro/registry.ts';
import { createClient, type EnqueueEntry } from '../client/client.ts';
import { migrate } from '../database/migrate.ts';
import type { Database } from '../database/port.ts';
import type { Broker } from '../kafka/port.ts';
import { prepareTopics, type TopicDefaults } from '../kafka/prepareTopics.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { findQueues } from '../status/findQueues.ts';
import { createFactReader } from '../status/readFacts.ts';
import { combineObservers, createLogObserver } from '../worker/logObserver.ts';
import type { QueueObserver } from '../worker/observer.ts';
import { createWorker, type Worker } from '../worker/worker.ts';
import type { WebhookV1 } from '../../schemas/millrace.Webhook/payload.generated.ts';
import type { Completion } from './completion.ts';
import { createCompletionReader, type CompletionReader } from './completionReader.ts';
import { fanOut } from './fanOut.ts';
import { WEBHOOKS, webhookMigrations } from './migrations.ts';
import type { SafePost } from './postSafely.ts';
import { createSubscriptions } from './subscriptions.ts';
import { defineWebhookJob, WEBHOOK_QUEUE } from './webhookJob.ts';

export interface WebhooksOptions {
  readonly broker: Broker;
  readonly registry: Registry;
  readonly database: Database;
  readonly post: SafePost;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The queue of deliveries, one for each database. Default `millrace.webhooks`. */
  readonly queue?: string;
  /** How its topics are made. */
  readonly topics: TopicDefaults | false;
  /** Deliveries at once. Default 100. */
  readonly concurrency?: number;
  /** How often it is looked for queues that somebody subscribed to. Default 2 s. Events are kept for days: none is missed. */
  readonly discoverEveryMs?: number;
  readonly sessionTimeoutMs?: number;
  /** Told what the log tells, too. */
  readonly observer?: QueueObserver;
}

/**
 * Tells subscribers of the ends of jobs: reads events, makes a delivery of each end and subscription (a job of its own, with an id made of both, so that
 * it is one however often the event is read), and runs the deliveries. Several instances share the work.
 */
export interface Webhooks {
  /** @throws MillraceError DATABASE_*, BROKER_*, TOPIC_* */
  start(): Promise<void>;
  /** Lets deliveries end. Idempotent. */
  stop(): Promise<void>;
  readonly worker: Worker;
}

/** Longer than a crashed reader may take to come back: so long the second of an id is dropped. */
const REMEMBERED_FOR = '7d';

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { broker, registry, database, clock, logger, topics, queue: ownQueue = WEBHOOK_QUEUE, discoverEveryMs = 2000, sessionTimeoutMs = 10_000 } = options;
  const subscriptions = createSubscriptions(database);
  const job = defineWebhookJob({ subscriptions, post: options.post, clock, queue: ownQueue });
  const codec = createCodec({ registry, clock });
  const reader = createFactReader({ codec, decoder: createPlainDecoder({ registry, clock }), maxPayloadBytes: 0 });
  const admin = broker.createAdmin({ clientId: 'millrace-webhooks' });
  const client = createClient({ broker, codec, source: '/millrace/webhooks', clientId: 'millrace-webhooks', clock, prepareQueue: (queue) => prepareTopics(admin, [queue], topics, logger) });
  const worker = createWorker({
    broker, registry, jobs: [job], topics, clock, logger, observe: (queue) => combineObservers(createLogObserver(logger, queue, clock), ...(options.observer === undefined ? [] : [options.observer])), concurrency: options.concurrency ?? 100, sessionTimeoutMs,
  });
  const readers = new Map<string, CompletionReader>();
  let stopping = false;
  let cancel = (): void => undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped: Promise<void> | null = null;
  const trouble = (err: unknown): void => { logger.warn({ err }, 'webhooks: something failed that is tried again'); };

  const deliver = async (completions: readonly Completion[], isOurs: () => boolean): Promise<void> => {
    for (const slice of fanOut(completions, await subscriptions.listFresh())) {
      if (!isOurs()) return;
      // Some may be enqueued and others not: all are enqueued again, and the engine drops the doubles.
      await client.enqueueMany(slice.map(({ id, subscription, body }): EnqueueEntry<WebhookV1> => [job, { subscription, body }, { id, unique: REMEMBERED_FOR }]) as readonly EnqueueEntry[]);
    }
  };

  const look = async (): Promise<void> => {
    const active = (await subscriptions.listFresh()).filter(({ disabledMs }) => disabledMs === null);
    if (active.length === 0) return;
    const wanted = (await findQueues(admin)).filter((queue) => queue !== ownQueue && active.some(({ queues }) => queues.length === 0 || queues.includes(queue)));
    for (const queue of wanted) {
      if (readers.has(queue) || stopping) continue;
      const made = createCompletionReader({ queue, group: `${ownQueue}.${queue}`, broker, reader, clock, deliver, trouble, sessionTimeoutMs });
      try {
        await made.start();
        readers.set(queue, made);
      } catch (error) {
        await made.stop();
        throw error;
      }
    }
  };
  const lookAgain = (): void => {
    cancel = clock.after(discoverEveryMs, () => {
      looking = look().catch(trouble).finally(() => { if (!stopping) lookAgain(); });
    });
  };

  return {
    worker,
    async start() {
      await migrate(database, WEBHOOKS, webhookMigrations);
      await worker.start();
      await look();
      if (!stopping) lookAgain();
    },
    stop() {
      stopping = true;
      cancel();
      stopped ??= (async () => {
        await looking;
        await Promise.all([...readers.values()].map((one) => one.stop()));
        await client.close();
        await worker.stop();
        await admin.close();
      })();
      return stopped;
    },
  };
}
