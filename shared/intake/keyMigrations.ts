import type { Migration } from '../database/migrate.ts';

/** The capability's name among the migrations. */
export const INTAKE = 'intake';

export const intakeMigrations: readonly Migration[] = [
  {
    name: 'idempotency keys',
    sql: `
      create table intake_keys (
        tenant text collate "C" not null, key text collate "C" not null,
        digest text collate "C" not null, job_id text collate "C" not null,
        owner text collate "C" not null, lease_ms bigint not null, answer text, expires_ms bigint not null,
        primary key (tenant, key)
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
      create index intake_keys_expiry on intake_keys (expires_ms)`,
  },
];
