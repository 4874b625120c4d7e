import type { Migration } from '../database/migrate.ts';

/** Name of the outbox's tables among the migrations. */
export const OUTBOX = 'outbox';

/** Rows are spread over so many shards by their entity; a relay holds whole shards. Fixed: the shard stands in each row. */
export const SHARD_COUNT = 16;

/** What is notified when a row comes to a shard whose relay sleeps (payload: the shard), and when a shard becomes free (payload: empty). */
export const WAKE_CHANNEL = 'millrace_outbox';

/**
 * The tables of the outbox, and the functions by which rows get in.
 *
 * `lane` is a hash of queue and entity (without an entity, of queue and id). A transaction that writes for an entity holds the advisory lock of its lane
 * until it is over, and takes the row's `seq` under it: so for one lane the order of `seq` is the order of commits. Relays take what is there and not
 * `parked`, never "what is greater than the last", so a late commit is not skipped.
 *
 * A row that Kafka refuses is parked, and stands in `millrace_outbox_stuck` as the head of its lane; rows of the lane beyond its `seq` may not go
 * and are parked when they are met. An index without the parked ones keeps them out of the way of all others.
 */
export const outboxMigrations: readonly Migration[] = [{
  name: 'rows, shards, relays, and what is stuck',
  sql: String.raw`
create table millrace_outbox (
  seq bigint generated always as identity primary key,
  shard smallint not null,
  lane bigint not null,
  parked boolean not null default false,
  tries integer not null default 0,
  queue text not null check (queue ~ '^[A-Za-z0-9._-]{1,200}$'),
  id text not null check (octet_length(id) between 1 and 300 and id !~ '[[:cntrl:]]'),
  key bytea check (octet_length(key) > 0),
  value bytea not null check (octet_length(value) >= 5 and get_byte(value, 0) = 0),
  headers json not null check (json_typeof(headers) = 'object'),
  enqueued_at timestamptz not null default clock_timestamp()
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000, toast.autovacuum_vacuum_cost_delay = 0
);
create index millrace_outbox_waiting on millrace_outbox (shard, seq) where not parked;
create index millrace_outbox_parked on millrace_outbox (shard, lane, seq) where parked;

create table millrace_outbox_shard (
  shard smallint primary key,
  holder text,
  epoch bigint not null default 0,
  lease_until timestamptz not null default '-infinity',
  asleep boolean not null default false
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
insert into millrace_outbox_shard (shard) select generate_series(0, ${SHARD_COUNT - 1});

create table millrace_outbox_relay (
  id text primary key,
  joined_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

create table millrace_outbox_stuck (
  lane bigint primary key,
  shard smallint not null,
  seq bigint not null,
  state text not null check (state in ('waiting', 'sick', 'free')),
  retry_at timestamptz,
  error_code text not null,
  error_message text not null,
  since timestamptz not null default now()
);
create index millrace_outbox_stuck_due on millrace_outbox_stuck (shard, retry_at) where state = 'waiting';

create function millrace_outbox_lane(queue text, id text, key bytea) returns bigint language sql immutable as $$
  select ('x' || encode(substr(sha256(convert_to($1, 'UTF8') || case when $3 is null then '\x0001'::bytea || convert_to($2, 'UTF8') else '\x0000'::bytea || $3 end), 1, 8), 'hex'))::bit(64)::bigint
$$;

create function millrace_outbox_put(queue text, id text, key bytea, value bytea, headers json) returns bigint
language plpgsql set search_path from current as $$
declare
  row_lane bigint := millrace_outbox_lane($1, $2, $3);
  row_shard smallint := row_lane & ${SHARD_COUNT - 1};
  row_seq bigint;
begin
  if $3 is not null then
    perform pg_advisory_xact_lock(row_lane);
  end if;
  insert into millrace_outbox (shard, lane, queue, id, key, value, headers) values (row_shard, row_lane, $1, $2, $3, $4, $5) returning seq into row_seq;
  if (select s.asleep from millrace_outbox_shard s where s.shard = row_shard) then
    perform pg_notify('${WAKE_CHANNEL}', row_shard::text);
  end if;
  return row_seq;
end $$;

create function millrace_outbox_put_many(jobs json) returns bigint
language plpgsql set search_path from current as $$
declare
  one record;
  put bigint;
begin
  for one in
    select millrace_outbox_lane(e.queue, null, e.key) as lane
    from (select distinct j.queue collate "C" as queue, decode(j.key, 'base64') as key from json_to_recordset($1) as j(queue text, key text) where j.key is not null) e order by e.queue, e.key
  loop
    perform pg_advisory_xact_lock(one.lane);
  end loop;
  insert into millrace_outbox (shard, lane, queue, id, key, value, headers)
    select k.lane & ${SHARD_COUNT - 1}, k.lane, j.value ->> 'queue', j.value ->> 'id', k.key, decode(j.value ->> 'value', 'base64'), j.value -> 'headers'
    from json_array_elements($1) with ordinality as j(value, place)
    cross join lateral (select decode(j.value ->> 'key', 'base64') as key) b
    cross join lateral (select b.key, millrace_outbox_lane(j.value ->> 'queue', j.value ->> 'id', b.key) as lane) k
    order by j.place;
  get diagnostics put = row_count;
  for one in
    select s.shard from millrace_outbox_shard s where s.asleep and s.shard in (select millrace_outbox_lane(j.queue, j.id, decode(j.key, 'base64')) & ${SHARD_COUNT - 1} from json_to_recordset($1) as j(queue text, id text, key text))
  loop
    perform pg_notify('${WAKE_CHANNEL}', one.shard::text);
  end loop;
  return put;
end $$;

create function millrace_outbox_enqueue(queue text, kind text, key text, value bytea, id text default gen_random_uuid()::text, headers json default '{}', unique_for interval default '1 hour') returns text
language plpgsql set search_path from current as $$
begin
  perform millrace_outbox_put($1, $5, convert_to($3, 'UTF8'), $4, (jsonb_build_object(
    'ce_specversion', '1.0', 'ce_id', $5, 'ce_type', $2, 'ce_source', '/millrace/outbox', 'content-type', 'application/vnd.confluent.avro',
    'ce_time', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'mr_unique_for', ceil(extract(epoch from $7) * 1000)::bigint::text
  ) || $6::jsonb)::json);
  return $5;
end $$;
`,
}];
