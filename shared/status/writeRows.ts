import type { Session } from '../database/port.ts';
import { jobColumns } from './jobColumns.ts';
import type { JobRow } from './jobRow.ts';
import { minuteColumns, type Tally } from './tally.ts';

const places = ['partition', 'place'] as const;
const record = (columns: readonly { readonly name: string; readonly type: string }[]): string => ['partition integer', 'place bigint', ...columns.map(({ name, type }) => `${name} ${type}`)].join(', ');
const taken = (name: string): string => (name === 'payload' ? 'r.payload::jsonb' : `r.${name}`);

const names = jobColumns.map(({ name }) => name);
const changing = jobColumns.filter(({ main }) => main !== true);

const UPSERT = `insert into status_jobs (queue, ${[...places, ...names].join(', ')})
  select $1, ${[...places, ...names].map(taken).join(', ')} from jsonb_to_recordset($2::jsonb) as r(${record(jobColumns)})
  on conflict (queue, partition, place) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`;

const UPDATE = `update status_jobs j set ${changing.map(({ name }) => `${name} = r.${name}`).join(', ')}
  from jsonb_to_recordset($2::jsonb) as r(${record(changing)}) where j.queue = $1 and j.partition = r.partition and j.place = r.place`;

/** A job as it is now, and whether its main record's part of it is new. */
export interface ChangedRow {
  readonly row: JobRow;
  readonly whole: boolean;
}

/** Writes jobs of one queue: whole rows where the main record was read just now or the job is new, else what events change. */
export async function writeRows(tx: Session, queue: string, rows: readonly ChangedRow[]): Promise<void> {
  const whole = rows.filter((one) => one.whole).map(({ row }) => toRecord(row, jobColumns));
  const changed = rows.filter((one) => !one.whole).map(({ row }) => toRecord(row, changing));
  if (whole.length > 0) await tx.query(UPSERT, [queue, JSON.stringify(whole)]);
  if (changed.length > 0) await tx.query(UPDATE, [queue, JSON.stringify(changed)]);
}

function toRecord(row: JobRow, columns: typeof jobColumns): Record<string, unknown> {
  const made: Record<string, unknown> = { partition: row.partition, place: row.place };
  for (const { field, name } of columns) {
    const value = row[field];
    if (value !== null) made[name] = value;
  }
  return made;
}

const COUNT = `insert into status_counts as c (queue, partition, kind, state, jobs)
  select $1, r.partition, r.kind, r.state, r.jobs from jsonb_to_recordset($2::jsonb) as r(partition integer, kind text, state text, jobs bigint) order by 2, 3, 4
  on conflict (queue, partition, kind, state) do update set jobs = c.jobs + excluded.jobs`;

const MINUTE = `insert into status_minutes as m (queue, partition, minute_ms, kind, ${minuteColumns.join(', ')})
  select $1, r.partition, r."minuteMs", r.kind, ${minuteColumns.map((name) => `r.${name}`).join(', ')}
  from jsonb_to_recordset($2::jsonb) as r(partition integer, "minuteMs" bigint, kind text, ${minuteColumns.map((name) => `${name} integer`).join(', ')}) order by 2, 3, 4
  on conflict (queue, partition, minute_ms, kind) do update set ${minuteColumns.map((name) => `${name} = m.${name} + excluded.${name}`).join(', ')}`;

/** Adds what was counted to the figures of the queue. */
export async function writeTally(tx: Session, queue: string, tally: Tally): Promise<void> {
  const { states, minutes } = tally;
  if (states.length > 0) await tx.query(COUNT, [queue, JSON.stringify(states)]);
  if (minutes.length > 0) await tx.query(MINUTE, [queue, JSON.stringify(minutes)]);
}
