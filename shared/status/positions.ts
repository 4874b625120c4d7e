import type { Session } from '../database/port.ts';
import type { Stream } from './readFacts.ts';

/** How far one partition of one of a queue's topics is in the database. */
export interface Position {
  readonly partition: number;
  readonly stream: Stream;
  readonly nextOffset: number;
  /** The highest lease epoch seen there: records of a lower one are a zombie's. */
  readonly epoch: number;
  /** Timestamp of the last record. */
  readonly atMs: number;
  /** Of what happened before, events may be gone: only there do dead letters and waiting records say anything. */
  readonly sinceMs: number;
}

const columns = 'partition, stream, next_offset as "nextOffset", epoch, at_ms as "atMs", since_ms as "sinceMs"';

/** The positions of these partitions. */
export async function readPositions(session: Session, queue: string, partitions: readonly number[]): Promise<Position[]> {
  const { rows } = await session.query<Position>(`select ${columns} from status_positions where queue = $1 and partition = any($2::integer[])`, [queue, partitions]);
  return rows;
}

/** All positions of a queue. */
export async function readAllPositions(session: Session, queue: string): Promise<Position[]> {
  const { rows } = await session.query<Position>(`select ${columns} from status_positions where queue = $1`, [queue]);
  return rows;
}

/** The same, kept from others until the transaction ends. Those without a row are made with offset -1: one must be there to be held. */
export async function holdPositions(tx: Session, queue: string, held: readonly Pick<Position, 'partition' | 'stream'>[]): Promise<Position[]> {
  const params = [queue, held.map(({ partition }) => partition), held.map(({ stream }) => stream)];
  const wanted = 'unnest($2::integer[], $3::text[]) as w(partition, stream)';
  await tx.query(`insert into status_positions (queue, partition, stream, next_offset, epoch, at_ms, since_ms) select $1, w.partition, w.stream, -1, 0, 0, 0 from ${wanted} order by 2, 3 on conflict do nothing`, params);
  const { rows } = await tx.query<Position>(
    `select ${columns} from status_positions where queue = $1 and (partition, stream) in (select w.partition, w.stream from ${wanted}) order by partition, stream for update`,
    params,
  );
  return rows;
}

export async function writePositions(tx: Session, queue: string, positions: readonly Position[]): Promise<void> {
  await tx.query(
    `update status_positions p set next_offset = r."nextOffset", epoch = r.epoch, at_ms = r."atMs", since_ms = r."sinceMs"
     from jsonb_to_recordset($2::jsonb) as r(partition integer, stream text, "nextOffset" bigint, epoch bigint, "atMs" bigint, "sinceMs" bigint)
     where p.queue = $1 and p.partition = r.partition and p.stream = r.stream`,
    [queue, JSON.stringify(positions)],
  );
}
