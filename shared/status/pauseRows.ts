import type { Session } from '../database/port.ts';
import type { PauseWord } from './readFacts.ts';

/** A word about a scope in one partition. */
export interface PauseChange extends PauseWord {
  readonly partition: number;
  readonly sinceMs: number;
}

/**
 * What is paused after a word, however many of them come in one transaction. Where an operator's word was read, operators alone are believed: their
 * owner carries it out in its order, and its marks come later. Marks tell where commands are forgotten. Pure.
 */
export function foldPause(before: PauseChange | undefined, word: PauseChange): PauseChange {
  if (before === undefined) return word;
  if (before.commanded && !word.commanded) return before;
  return before.on === word.on ? { ...word, sinceMs: before.sinceMs } : word;
}

/** Writes what is paused. @param words in the order of the log @param renewed partitions whose retry topic was made anew: nothing of old counts there */
export async function writePauses(tx: Session, queue: string, words: readonly PauseChange[], renewed: readonly number[]): Promise<void> {
  if (renewed.length > 0) await tx.query('delete from status_pauses where queue = $1 and partition = any($2::integer[])', [queue, renewed]);
  if (words.length === 0) return;
  const held = await tx.query<PauseChange>(
    'select partition, scope, since_ms as "sinceMs", paused as "on", commanded from status_pauses where queue = $1 and scope = any($2::text[])',
    [queue, [...new Set(words.map(({ scope }) => scope))]],
  );
  const rows = new Map(held.rows.map((row) => [nameOf(row), row]));
  const changed = new Map<string, PauseChange>();
  for (const word of words) {
    const name = nameOf(word);
    changed.set(name, foldPause(changed.get(name) ?? rows.get(name), word));
  }
  await tx.query(
    `insert into status_pauses (queue, partition, scope, since_ms, paused, commanded) select $1, r.partition, r.scope, r."sinceMs", r."on", r.commanded
     from jsonb_to_recordset($2::jsonb) as r(partition integer, scope text, "sinceMs" bigint, "on" boolean, commanded boolean) order by 2, 3
     on conflict (queue, partition, scope) do update set paused = excluded.paused, commanded = excluded.commanded, since_ms = excluded.since_ms`,
    [queue, JSON.stringify([...changed.values()])],
  );
}

function nameOf({ partition, scope }: PauseChange): string {
  return `${partition}/${scope}`;
}

/** A scope that stands still, where, and since when. */
export interface PauseRow {
  readonly scope: string;
  readonly partitions: readonly number[];
  readonly sinceMs: number;
}

/** What of a queue stands still, by the last word about each scope. */
export async function readPauses(session: Session, queue: string): Promise<PauseRow[]> {
  const { rows } = await session.query<PauseRow>(
    'select scope, jsonb_agg(partition order by partition) as partitions, min(since_ms) as "sinceMs" from status_pauses where queue = $1 and paused group by scope order by scope',
    [queue],
  );
  return rows;
}
