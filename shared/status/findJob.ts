import type { Session } from '../database/port.ts';
import type { TimelineEntry } from './jobRow.ts';
import { viewColumns, type ViewRow } from './jobView.ts';

/** Where a main record stands, as its sender was told: `queue/partition/offset`. */
export interface MainPlace {
  readonly queue: string;
  readonly partition: number;
  readonly offset: number;
}

/** Reads `queue/partition/offset`; null for anything else. */
export function parsePlace(text: string): MainPlace | null {
  const match = /^([A-Za-z0-9._-]{1,249})\/([0-9]{1,9})\/([0-9]{1,15})$/.exec(text);
  return match === null ? null : { queue: match[1] ?? '', partition: Number(match[2]), offset: Number(match[3]) };
}

/** The job of an id; null where the tables know none. Where an id came more than once: the last that a worker has taken up, else the first. */
export async function findJob(session: Session, id: string): Promise<ViewRow | null> {
  const { rows } = await session.query<ViewRow>(
    `select ${viewColumns} from status_jobs where id = $1
     order by duplicate, told desc, case when told then -enqueued_ms else enqueued_ms end, case when told then -place else place end limit 1`,
    [id],
  );
  return rows[0] ?? null;
}

export async function findJobAt(session: Session, { queue, partition, offset }: MainPlace): Promise<ViewRow | null> {
  const { rows } = await session.query<ViewRow>(`select ${viewColumns} from status_jobs where queue = $1 and partition = $2 and place = $3`, [queue, partition, offset]);
  return rows[0] ?? null;
}

/** What is known of the history of the job that {@link findJob} finds. */
export async function readTimeline(session: Session, { queue, partition, place }: Pick<ViewRow, 'queue' | 'partition' | 'place'>): Promise<TimelineEntry[]> {
  const { rows } = await session.query<{ timeline: TimelineEntry[] }>('select timeline from status_jobs where queue = $1 and partition = $2 and place = $3', [queue, partition, place]);
  return rows[0]?.timeline ?? [];
}
