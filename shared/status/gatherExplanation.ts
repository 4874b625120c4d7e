import type { Session } from '../database/port.ts';
import type { Admin } from '../kafka/port.ts';
import { parseScope, type Scope } from '../jobs/scope.ts';
import { explainJob, type Explanation, type JobAhead } from './explainJob.ts';
import { toTime, toView, type ViewRow } from './jobView.ts';
import { readPositions } from './positions.ts';

const SHOWN_AHEAD = 5;
const MAX_COUNTED = 10_000;

/** Asks the tables and Kafka what an explanation needs. Where Kafka does not answer, its part is left out. */
export async function gatherExplanation(session: Session, admin: Admin, row: ViewRow, nowMs: number): Promise<Explanation> {
  const { queue, partition, place } = row;
  const group = `millrace.${queue}`;
  const orNull = <T>(asked: Promise<T>): Promise<T | null> => asked.catch(() => null);
  const [ahead, pauses, committed, bounds, workers, positions] = await Promise.all([
    findAhead(session, row),
    findPauses(session, row),
    orNull(admin.committed(group, queue)),
    orNull(admin.logBounds(`${queue}.events`)),
    orNull(admin.groupMembers(group)),
    readPositions(session, queue, [partition]),
  ]);
  const frontier = committed?.find((one) => one.partition === partition)?.position?.offset ?? 0;
  const end = bounds?.find((one) => one.partition === partition)?.endOffset;
  const read = positions.find(({ stream }) => stream === 'events')?.nextOffset ?? 0;
  return explainJob({
    job: toView(row, nowMs), nowMs, ahead, pauses, partition, workers,
    // A worker that told of it has it; one that did not may have it in memory, but nobody knows before its commit.
    unreadBefore: committed === null ? null : row.told || (row.state !== 'queued' && row.state !== 'scheduled') ? 0 : Math.max(0, place - frontier + 1),
    statusBehind: end === undefined ? null : Math.max(0, end - Math.max(0, read)),
  });
}

/** The pauses that hold the job. */
async function findPauses(session: Session, { queue, partition, kind, key }: ViewRow): Promise<{ readonly what: Scope['type']; readonly since: string }[]> {
  const { rows } = await session.query<{ scope: string; since: number }>('select scope, since_ms as since from status_pauses where queue = $1 and partition = $2 and paused order by since_ms, scope', [queue, partition]);
  return rows.flatMap(({ scope, since }) => {
    const parsed = parseScope(scope);
    const holds = parsed !== null && (parsed.type === 'queue' || (parsed.type === 'kind' ? parsed.kind === kind : parsed.key.toString() === key));
    return holds ? [{ what: parsed.type, since: toTime(since) ?? '' }] : [];
  });
}

async function findAhead(session: Session, { queue, partition, place, key }: ViewRow): Promise<{ readonly count: number; readonly first: readonly JobAhead[] }> {
  if (key === null) return { count: 0, first: [] };
  const ahead = 'from status_jobs where key = $1 and queue = $2 and partition = $3 and place < $4 and finished_ms is null';
  const params = [key, queue, partition, place];
  const counted = await session.query<{ jobs: number }>(`select count(*) as jobs from (select 1 ${ahead} limit ${MAX_COUNTED}) as open`, params);
  const { rows } = await session.query<{ id: string; state: string; reason: string | null; due_ms: number | null }>(`select id, state, reason, due_ms ${ahead} order by place limit ${SHOWN_AHEAD}`, params);
  return { count: counted.rows[0]?.jobs ?? 0, first: rows.map(({ id, state, reason, due_ms }) => ({ id, state, reason, due: toTime(due_ms) })) };
}
