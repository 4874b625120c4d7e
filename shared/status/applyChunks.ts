import type { Database, Session } from '../database/port.ts';
import type { FetchedRecord } from '../kafka/port.ts';
import type { Fact } from './fact.ts';
import { foldFact } from './foldFact.ts';
import { foldColumns } from './jobColumns.ts';
import type { JobPlace, JobRow } from './jobRow.ts';
import { keepDiscards, recallDiscards, tagByRules } from './operatorWords.ts';
import { writePauses, type PauseChange } from './pauseRows.ts';
import { holdPositions, writePositions, type Position } from './positions.ts';
import { soundMs, type FactReader, type Stream } from './readFacts.ts';
import { createTally } from './tally.ts';
import { keepRedriven, recallRedriven } from './redrivenRows.ts';
import { writeRows, writeTally } from './writeRows.ts';

/** Records of one topic-partition as they were fetched. */
export interface Chunk {
  readonly stream: Stream;
  readonly partition: number;
  /** The position to which it is the continuation; -1: there was none. */
  readonly after: number;
  readonly nextOffset: number;
  readonly records: readonly FetchedRecord[];
  /** Epoch ms: of what happened before, events are gone. Left out: none are. */
  readonly eventsSinceMs?: number;
}

export type Applied =
  | { readonly type: 'applied'; readonly facts: number; readonly rows: number; readonly ignored: number; readonly changed: readonly JobRow[] }
  /** Another process has moved these partitions on: nothing was written. Read their positions and go on from there. */
  | { readonly type: 'stale'; readonly partitions: readonly number[] };

/**
 * Folds records into the tables, and the positions behind them, in one transaction: so each record counts exactly once, whoever else works on
 * the same partitions, and wherever a process dies. Chunks of one topic-partition must follow one another.
 * @throws MillraceError as `Database.transaction`; where that leaves the fate open, the positions tell
 */
export async function applyChunks(database: Database, queue: string, chunks: readonly Chunk[], reader: FactReader): Promise<Applied> {
  try {
    return await database.transaction((tx) => applyIn(tx, queue, chunks, reader));
  } catch (error) {
    if (error instanceof StalePositions) return { type: 'stale', partitions: error.partitions };
    throw error;
  }
}

/** Rolls the transaction back. */
class StalePositions extends Error {
  readonly partitions: readonly number[];
  constructor(partitions: readonly number[]) {
    super('another process moved on');
    this.partitions = partitions;
  }
}

async function applyIn(tx: Session, queue: string, chunks: readonly Chunk[], reader: FactReader): Promise<Applied> {
  const first = new Map<string, Chunk>();
  for (const chunk of chunks) if (!first.has(nameOf(chunk))) first.set(nameOf(chunk), chunk);
  const held = new Map((await holdPositions(tx, queue, [...first.values()])).map((position) => [nameOf(position), position]));
  const stale = [...first].filter(([name, chunk]) => held.get(name)?.nextOffset !== chunk.after).map(([, { partition }]) => partition);
  if (stale.length > 0) throw new StalePositions([...new Set(stale)]);

  const { facts, positions, owners, pauses, renewed, ignored } = readChunks(queue, chunks, held, reader);
  await recallWords(tx, queue, facts);
  const rows = await readRows(tx, queue, facts);
  const touched = new Map<string, { before: JobRow | null; row: JobRow; whole: boolean }>();
  const tally = createTally();
  let silent = 0;
  for (const fact of facts) {
    const name = placeOf(fact);
    const now = touched.get(name);
    const before = now?.row ?? rows.get(name) ?? null;
    const row = foldFact(before, fact);
    if (row === null || row === before) {
      silent++;
      continue;
    }
    tally.add(before, row, fact);
    if (now === undefined) touched.set(name, { before, row, whole: before === null || fact.type === 'enqueued' });
    else {
      now.row = row;
      now.whole ||= fact.type === 'enqueued';
    }
  }
  const changed = [...touched.values()];
  await writeRows(tx, queue, changed);
  await writeTally(tx, queue, tally);
  await writePauses(tx, queue, pauses, [...renewed]);
  if (owners.size > 0) await writeOwners(tx, queue, [...owners.values()]);
  await writePositions(tx, queue, [...positions.values()]);
  return { type: 'applied', facts: facts.length, rows: changed.length, ignored: ignored + silent, changed: changed.map(({ row }) => row) };
}

/** Adds what was said of buried jobs before, and keeps what is said now. */
async function recallWords(tx: Session, queue: string, facts: Fact[]): Promise<void> {
  const discards = facts.filter((fact) => fact.type === 'discard');
  const burials = facts.filter((fact) => fact.type === 'burial');
  const redriven = facts.filter((fact) => fact.type === 'redriven');
  if (discards.length > 0) await keepDiscards(tx, queue, discards);
  if (redriven.length > 0) await keepRedriven(tx, queue, redriven);
  if (burials.length === 0) return;
  facts.push(...await recallDiscards(tx, queue, burials), ...await recallRedriven(tx, queue, burials));
  await tagByRules(tx, queue, burials);
}

interface Owner {
  readonly partition: number;
  readonly worker: string;
  readonly epoch: number;
  readonly seenMs: number;
}

function readChunks(queue: string, chunks: readonly Chunk[], held: ReadonlyMap<string, Position>, reader: FactReader) {
  const facts: Fact[] = [];
  const positions = new Map<string, Position>();
  const owners = new Map<number, Owner>();
  const pauses: PauseChange[] = [];
  const renewed = new Set<number>();
  let ignored = 0;
  for (const chunk of chunks) {
    const name = nameOf(chunk);
    const { partition, stream, nextOffset } = chunk;
    const before = positions.get(name) ?? held.get(name);
    // Offsets that go back: the topic was made anew, and with it leases begin at 1 again.
    const isNew = (chunk.records[0]?.offset ?? Infinity) < chunk.after;
    if (isNew && stream === 'retry') renewed.add(partition);
    let epoch = isNew ? 0 : before?.epoch ?? 0;
    let atMs = before?.atMs ?? 0;
    const sinceMs = Math.max(before?.sinceMs ?? 0, chunk.eventsSinceMs ?? 0);
    for (const record of chunk.records) {
      const read = reader.read(queue, stream, partition, record);
      atMs = soundMs(record.timestampMs);
      if (read.epoch < epoch && read.epoch > 0) {
        ignored += read.facts.length;
        continue;
      }
      epoch = Math.max(epoch, read.epoch);
      for (const fact of read.facts) if (fact.partition === partition && (fact.type !== 'standing' || fact.atMs < sinceMs)) facts.push(fact);
      for (const word of read.pauses) pauses.push({ ...word, partition, sinceMs: soundMs(record.timestampMs) });
      if (read.worker !== null) owners.set(partition, { partition, worker: read.worker, epoch: read.epoch, seenMs: soundMs(record.timestampMs) });
    }
    positions.set(name, { partition, stream, nextOffset, epoch, atMs, sinceMs });
  }
  return { facts, positions, owners, pauses, renewed, ignored };
}

async function readRows(tx: Session, queue: string, facts: readonly Fact[]): Promise<Map<string, JobRow>> {
  const wanted = new Map<string, JobPlace>();
  for (const fact of facts) wanted.set(placeOf(fact), fact);
  if (wanted.size === 0) return new Map();
  const places = [...wanted.values()];
  const { rows } = await tx.query<JobRow>(
    `select ${foldColumns} from status_jobs where queue = $1 and (partition, place) in (select * from unnest($2::integer[], $3::bigint[])) order by partition, place for update`,
    [queue, places.map(({ partition }) => partition), places.map(({ place }) => place)],
  );
  return new Map(rows.map((row) => [placeOf(row), row]));
}

async function writeOwners(tx: Session, queue: string, owners: readonly Owner[]): Promise<void> {
  await tx.query(
    `insert into status_owners (queue, partition, worker, epoch, seen_ms)
     select $1, r.partition, r.worker, r.epoch, r."seenMs" from jsonb_to_recordset($2::jsonb) as r(partition integer, worker text, epoch bigint, "seenMs" bigint) order by 2
     on conflict (queue, partition) do update set worker = excluded.worker, epoch = excluded.epoch, seen_ms = excluded.seen_ms`,
    [queue, JSON.stringify(owners)],
  );
}

function nameOf({ partition, stream }: Pick<Chunk, 'partition' | 'stream'>): string {
  return `${partition}/${stream}`;
}

function placeOf({ partition, place }: JobPlace): string {
  return `${partition}/${place}`;
}
