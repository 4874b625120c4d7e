import type { Migration } from '../database/migrate.ts';

export const LOCKS = 'locks';

/** Tables of the locks. Steps are added, never edited. */
export const lockMigrations: readonly Migration[] = [
  {
    name: 'locks and who waits for them',
    sql: `
      create sequence millrace_lock_tokens;
      create sequence millrace_lock_tickets;
      create table millrace_locks (name text primary key, holder text not null, token bigint not null, expires_at timestamptz not null);
      create table millrace_lock_waiters (
        name text not null, waiter text not null, ticket bigint not null, expires_at timestamptz not null,
        primary key (name, waiter)
      )`,
  },
];
