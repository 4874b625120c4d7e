import { createHash } from 'node:crypto';
import { migrate } from '../../../shared/database/migrate.ts';
import { openPostgres } from '../../../shared/database/postgres/openPostgres.ts';
import { createAddressRules } from '../../../shared/webhooks/addressRules.ts';
import { WEBHOOKS, webhookMigrations } from '../../../shared/webhooks/migrations.ts';
import { makeSubscription } from '../../../shared/webhooks/subscription.ts';
import { createSubscriptions } from '../../../shared/webhooks/subscriptions.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Tour } from '../leg.ts';

/** A POST that was answered. */
export interface Told {
  /** `webhook-id`. */
  readonly id: string;
  readonly job: string;
  readonly type: string;
  readonly body: string;
  /** The receiver said that it has it. */
  readonly taken: boolean;
}

export interface WebhookReceiver {
  readonly queue: string;
  readonly told: readonly Told[];
  /** Subscribes an address that answers 410: it is gone. */
  subscribeGone(): Promise<void>;
}

const RULES = createAddressRules(['127.0.0.1']);
const opened = new WeakMap<Tour, Promise<WebhookReceiver>>();

/** Of this tour; opened, and subscribed to all ends of its queue, when it is first asked for. */
export function webhookReceiverOf(tour: Tour): Promise<WebhookReceiver> {
  const known = opened.get(tour) ?? open(tour);
  opened.set(tour, known);
  return known;
}

/** It refuses a sixth of the deliveries at first: they wait in their own waiting room. */
async function open({ scene, databaseUrl, closers }: Tour): Promise<WebhookReceiver> {
  const told: Told[] = [];
  const refused = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => { chunks.push(chunk); });
    request.on('end', () => {
      if (request.url === '/gone') {
        response.writeHead(410).end();
        return;
      }
      const id = String(request.headers['webhook-id']);
      const body = Buffer.concat(chunks).toString();
      const { type, data } = JSON.parse(body) as { readonly type: string; readonly data: { readonly id: string } };
      const taken = refused.has(id) || (createHash('sha1').update(id).digest()[0] ?? 0) > 40;
      refused.add(id);
      told.push({ id, job: data.id, type, body, taken });
      response.writeHead(taken ? 204 : 503, taken ? {} : { 'retry-after': '1' }).end();
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  closers.push(() => new Promise((resolve) => {
    server.close(() => { resolve(); });
    server.closeAllConnections();
  }));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const database = openPostgres({ url: databaseUrl ?? '', maxConnections: 1 });
  closers.push(() => database.close());
  await migrate(database, WEBHOOKS, webhookMigrations);
  const subscribe = (path: string): Promise<void> => createSubscriptions(database).add(makeSubscription({ url: url + path, queues: [scene.workload.queue] }, RULES, Date.now()));
  await subscribe('/told');
  return { queue: `${scene.workload.queue}-webhooks`, told, subscribeGone: () => subscribe('/gone') };
}
