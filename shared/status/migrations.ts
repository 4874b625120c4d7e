import type { Migration } from '../database/migrate.ts';

/** The capability's name among the migrations. */
export const STATUS = 'status';

/** The tables of the projection, in the order in which they are dropped: that in which statements of readers name them. */
export const statusTables = ['status_jobs', 'status_positions', 'status_counts', 'status_minutes', 'status_owners', 'status_pauses', 'status_redriven'] as const;

/** Times are epoch ms, as on the wire. A job is its place in the main topic: ids may come more than once. */
export const statusMigrations: readonly Migration[] = [
  {
    name: 'jobs, how far topics are read, counts, minutes, owners',
    sql: `
      create table status_jobs (
        queue text collate "C" not null, partition integer not null, place bigint not null,
        id text collate "C" not null, kind text collate "C", key text collate "C",
        state text collate "C" not null, reason text, due_ms bigint, attempt integer not null,
        created_ms bigint not null, enqueued_ms bigint not null, not_before_ms bigint, started_ms bigint, finished_ms bigint, changed_ms bigint not null,
        worker text, error_code text, error_message text, fingerprint text collate "C", progress real, note text, result text,
        source text, value_bytes integer, payload jsonb, payload_flaw text,
        known boolean not null, told boolean not null, duplicate boolean not null, entries integer not null, timeline jsonb not null,
        primary key (queue, partition, place)
      ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
      create index status_jobs_id on status_jobs (id);
      create index status_jobs_recent on status_jobs (enqueued_ms desc, queue, partition, place);
      create index status_jobs_open on status_jobs (queue, state, enqueued_ms) where finished_ms is null;
      create index status_jobs_dead on status_jobs (queue, enqueued_ms desc) where state = 'dead';
      create index status_jobs_lane on status_jobs (key, queue, partition, place) where key is not null;
      create index status_jobs_error on status_jobs (fingerprint, enqueued_ms desc) where fingerprint is not null;
      create index status_jobs_finished on status_jobs (finished_ms) where finished_ms is not null;

      create table status_positions (
        queue text collate "C" not null, partition integer not null, stream text collate "C" not null,
        next_offset bigint not null, epoch bigint not null, at_ms bigint not null, since_ms bigint not null,
        primary key (queue, partition, stream)
      ) with (fillfactor = 50);

      create table status_counts (
        queue text collate "C" not null, partition integer not null, kind text collate "C" not null, state text collate "C" not null, jobs bigint not null,
        primary key (queue, partition, kind, state)
      ) with (fillfactor = 50);

      create table status_minutes (
        queue text collate "C" not null, partition integer not null, minute_ms bigint not null, kind text collate "C" not null,
        enqueued integer not null, started integer not null, done integer not null, dead integer not null, waited integer not null, cancelled integer not null,
        primary key (queue, partition, minute_ms, kind)
      ) with (fillfactor = 70);
      create index status_minutes_age on status_minutes (minute_ms);

      create table status_owners (
        queue text collate "C" not null, partition integer not null, worker text not null, epoch bigint not null, seen_ms bigint not null,
        primary key (queue, partition)
      ) with (fillfactor = 50);
    `,
  },
  {
    name: 'burials, and what is paused',
    sql: `
      alter table status_jobs add column burial bigint, add column discarded bigint, add column discard_note text;
      create table status_pauses (
        queue text collate "C" not null, partition integer not null, scope text collate "C" not null, since_ms bigint not null,
        primary key (queue, partition, scope)
      );
      drop index status_jobs_finished;
      create index status_jobs_finished on status_jobs (finished_ms) where finished_ms is not null and state <> 'dead';
      create index status_jobs_buried on status_jobs (finished_ms) where state = 'dead';
    `,
  },
  {
    name: 'when a job was buried, and who said that something is paused',
    sql: `
      alter table status_jobs add column buried_ms bigint;
      alter table status_pauses add column paused boolean not null default true, add column commanded boolean not null default false;
    `,
  },
  {
    name: 'which burials were redriven',
    sql: `
      alter table status_jobs add column redriven bigint;
      create table status_redriven (
        queue text collate "C" not null, partition integer not null, place bigint not null, burial bigint not null, at_ms bigint not null,
        primary key (queue, partition, place)
      );
    `,
  },
  {
    name: 'lists by kind, state, reason and error',
    sql: `
      update status_jobs set kind = left(kind, 256), reason = left(reason, 64), error_code = left(error_code, 256) where length(kind) > 256 or length(reason) > 64 or length(error_code) > 256;
      create index status_jobs_kind on status_jobs (kind, enqueued_ms desc);
      create index status_jobs_state on status_jobs (state, enqueued_ms desc) where finished_ms is null;
      create index status_jobs_reason on status_jobs (reason, enqueued_ms desc) where reason is not null;
      create index status_jobs_code on status_jobs (error_code, enqueued_ms desc) where error_code is not null;
      create index status_jobs_failed on status_jobs (enqueued_ms desc, queue, partition, place) where error_code is not null;
    `,
  },
];
