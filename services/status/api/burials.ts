import type { Session } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { findJobAt } from '../../../shared/status/findJob.ts';
import type { ViewRow } from '../../../shared/status/jobView.ts';
import { createReadBarrier } from '../../../shared/status/readBarrier.ts';

/**
 * Makes sure that the tables know the dead letters of the jobs that they say are dead: these come in another topic. A worker tells of a burial only
 * when its dead letter is written, so what the topic has now is enough.
 */
export interface Burials {
  /** Waits for those of a queue. @throws MillraceError STATUS_BEHIND */
  known(queue: string): Promise<void>;
  /** The row as it is then. @throws MillraceError STATUS_BEHIND, DEAD_LETTER_GONE */
  of(row: ViewRow): Promise<ViewRow & { readonly burial: number }>;
}

export function createBurials({ session, admin, clock, waitMs }: { readonly session: Session; readonly admin: Admin; readonly clock: Clock; readonly waitMs: number }): Burials {
  const known = async (queue: string): Promise<void> => {
    if (!await createReadBarrier({ session, admin, clock, queues: [queue], stream: 'dlq' }).passed(waitMs)) throw new MillraceError('STATUS_BEHIND', { at: `${queue}.dlq`, fix: 'Ask again soon' });
  };
  return {
    known,
    async of(row) {
      const { queue, partition, place: offset } = row;
      await known(queue);
      const now = await findJobAt(session, { queue, partition, offset }) ?? row;
      if (now.burial === null) throw new MillraceError('DEAD_LETTER_GONE', { at: row.id });
      return { ...now, burial: now.burial };
    },
  };
}
