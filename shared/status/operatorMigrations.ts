import type { Migration } from '../database/migrate.ts';

/** The capability's name among the migrations. */
export const OPERATORS = 'operators';

/**
 * What operators said of jobs. No topic tells it again for ever, so a rebuild of the projection leaves these tables alone. A job is its place and its
 * id: another job may stand at the same place when a topic was made anew.
 */
export const operatorMigrations: readonly Migration[] = [
  {
    name: 'tags, rules for tags, discards, sendings',
    sql: `
      create table operator_tags (
        queue text collate "C" not null, partition integer not null, place bigint not null, id text collate "C" not null, tag text collate "C" not null,
        at_ms bigint not null, rule text collate "C", removed boolean not null,
        primary key (queue, partition, place, tag)
      );
      create index operator_tags_tag on operator_tags (tag, queue);

      create table operator_tag_rules (
        id text collate "C" primary key, tag text collate "C" not null, queue text collate "C", kind text collate "C", error_code text, fingerprint text collate "C",
        since_ms bigint not null
      );

      create table operator_discards (
        queue text collate "C" not null, partition integer not null, place bigint not null, id text collate "C" not null, burial bigint not null, note text, at_ms bigint not null,
        primary key (queue, partition, place)
      );

      create table operator_sendings (
        id text collate "C" primary key, queue text collate "C" not null, command text not null, state text not null, selected integer not null, sent integer not null,
        error text, started_ms bigint not null, seen_ms bigint not null, stop boolean not null
      );
    `,
  },
];
