import type { Migration } from '../database/migrate.ts';

/** The capability's name among the migrations. */
export const WEBHOOKS = 'webhooks';

export const webhookMigrations: readonly Migration[] = [
  {
    name: 'subscriptions',
    sql: `
      create table webhook_subscriptions (
        id text collate "C" primary key, url text not null, secret text not null, description text not null,
        queues text[] not null, kinds text[] not null, states text[] not null,
        created_ms bigint not null, disabled_ms bigint, disabled_reason text
      )`,
  },
];
