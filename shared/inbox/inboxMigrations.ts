import type { Migration } from '../database/migrate.ts';

export const INBOX = 'inbox';

/** Tables of the inbox. Steps are added, never edited. */
export const inboxMigrations: readonly Migration[] = [
  {
    name: 'effects that landed, and the highest lease epoch seen of each partition',
    sql: `
      create table millrace_inbox (
        queue text not null, job_id text not null, step text not null, result text, landed_at timestamptz not null default now(),
        primary key (queue, job_id, step)
      );
      create index millrace_inbox_landed_at on millrace_inbox (landed_at);
      create table millrace_fences (queue text not null, partition integer not null, epoch bigint not null, primary key (queue, partition))`,
  },
];
