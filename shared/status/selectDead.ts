import type { DeadSelection } from '../commands/deadSelection.ts';
import type { Session } from '../database/port.ts';
import { conditionsOf, type JobFilter } from './listJobs.ts';

/** A dead job that commands can be sent about. */
export interface DeadPlace {
  readonly id: string;
  readonly partition: number;
  /** Of its main record. */
  readonly offset: number;
  readonly deadLetterOffset: number;
  /** Of its value, where known. */
  readonly valueBytes: number | null;
}

/** Dead jobs that have the same error. */
export interface DeadGroup {
  readonly kind: string | null;
  readonly errorCode: string | null;
  readonly fingerprint: string | null;
  /** Of one of them. */
  readonly message: string | null;
  readonly jobs: number;
}

/** The dead jobs that a selection means, as a filter of the tables: the same as `selects` says of dead letters, but for those that are dead no more. */
export function filterOf(queue: string, { ids, kind, errorCode, fingerprint, from, to, keys, tags }: DeadSelection): JobFilter {
  return {
    queue, states: ['dead'],
    ...(ids === undefined ? {} : { ids }), ...(kind === undefined ? {} : { kind }), ...(errorCode === undefined ? {} : { errorCode }), ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(keys === undefined ? {} : { keys }), ...(tags === undefined ? {} : { tags }),
    ...(from === undefined ? {} : { buriedFromMs: from.getTime() }), ...(to === undefined ? {} : { buriedToMs: to.getTime() }),
  };
}

/** The first `limit` of them, in the order of their lanes. */
export async function selectDead(session: Session, queue: string, selection: DeadSelection, limit: number): Promise<DeadPlace[]> {
  const { where, params } = conditionsOf(filterOf(queue, selection), 0);
  const { rows } = await session.query<DeadPlace>(
    `select id, partition, place as "offset", burial as "deadLetterOffset", value_bytes as "valueBytes" from status_jobs where ${where.join(' and ')} and burial is not null order by partition, place limit ${limit}`, params,
  );
  return rows;
}

/** How many there are by kind and error, the most first. */
export async function groupDead(session: Session, queue: string, selection: DeadSelection, limit = 50): Promise<DeadGroup[]> {
  const { where, params } = conditionsOf(filterOf(queue, selection), 0);
  const { rows } = await session.query<DeadGroup>(
    `select kind, error_code as "errorCode", fingerprint, min(error_message) as message, count(*) as jobs from status_jobs where ${where.join(' and ')}
     group by kind, error_code, fingerprint order by count(*) desc, kind, error_code, fingerprint limit ${limit}`, params,
  );
  return rows;
}
