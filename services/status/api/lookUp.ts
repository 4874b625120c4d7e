import { MillraceError, isMillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Database } from '../../../shared/database/port.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import { isJobId } from '../../../shared/kafka/envelope.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { createSleeps } from '../../../shared/runtime/sleeps.ts';
import { findJob, findJobAt, parsePlace, type MainPlace } from '../../../shared/status/findJob.ts';
import type { ViewRow } from '../../../shared/status/jobView.ts';
import { createReadBarrier } from '../../../shared/status/readBarrier.ts';

export interface LookUpOptions {
  readonly database: Database;
  readonly admin: Admin;
  readonly clock: Clock;
  /** Null: all that are there. */
  readonly queues: readonly string[] | null;
  readonly waitMs: number;
  /** Called when a job is not there: its queue may be one that is not read yet. */
  readonly missed?: () => void;
}

/**
 * Finds a job by its id. Whoever has a 202 finds the job: one that the tables do not have yet is waited for until they have all that Kafka had
 * when the question came. @throws MillraceError JOB_UNKNOWN (there is none), STATUS_BEHIND (the time was too short to tell), BAD_QUERY
 */
export type LookUp = (id: string, after: string | undefined) => Promise<ViewRow>;

const LOOK_EVERY_MS = 30;

export function createLookUp({ database, admin, clock, queues, waitMs, missed }: LookUpOptions): LookUp {
  const barrier = createReadBarrier({ session: database, admin, clock, queues });
  const sleeps = createSleeps(clock);

  /** The job at a place, as soon as the tables have it; null where Kafka has nothing there, or the time is over. */
  const waitFor = async (place: MainPlace, mayWait: () => boolean): Promise<ViewRow | null> => {
    let exists: boolean | null = null;
    for (;;) {
      const row = await findJobAt(database, place);
      if (row !== null || !mayWait()) return row;
      const { rows } = await database.query<{ next: number }>('select next_offset as next from status_positions where queue = $1 and partition = $2 and stream = \'main\'', [place.queue, place.partition]);
      if ((rows[0]?.next ?? -1) > place.offset) return findJobAt(database, place);
      exists ??= await admin.logBounds(place.queue).then(
        (bounds) => bounds.some(({ partition, endOffset }) => partition === place.partition && place.offset < endOffset),
        (error: unknown) => {
          if (isMillraceError(error, 'TOPIC_MISSING')) return false;
          throw error;
        },
      );
      if (!exists) return null;
      await sleeps.sleep(LOOK_EVERY_MS);
    }
  };

  return async (id, after) => {
    if (!isJobId(id)) throw new MillraceError('JOB_UNKNOWN', { at: 'id', expected: 'a job id', got: id });
    const startMs = clock.monotonic();
    const place = after === undefined ? null : parsePlace(after);
    if (after !== undefined && place === null) throw new MillraceError('BAD_QUERY', { at: 'after', expected: 'queue/partition/offset', got: after });
    if (place !== null) {
      const row = await waitFor(place, () => clock.monotonic() - startMs < waitMs);
      // Another job may stand there: then the hint is wrong, and the id decides.
      if (row?.id === id) return row;
    }
    const found = await findJob(database, id);
    if (found !== null) return found;
    missed?.();
    const passed = await barrier.passed(Math.max(0, waitMs - (clock.monotonic() - startMs)));
    const row = await findJob(database, id);
    if (row !== null) return row;
    if (!passed) throw new MillraceError('STATUS_BEHIND', { at: id, fix: 'Ask again soon' });
    throw new MillraceError('JOB_UNKNOWN', { at: id });
  };
}
