import type { Admin } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';

/** Where a queue's events ended not long ago, by partition number. */
export type EventEnds = readonly number[];

/** Keeps an eye on the ends of queues' events, so that a run can be followed from about where it begins. */
export interface QueueBounds {
  /** Null: not known yet, or there is no such queue; it is found out, and then told. */
  ends(queue: string): EventEnds | null;
  stop(): void;
}

export interface QueueBoundsOptions {
  readonly admin: Pick<Admin, 'logBounds'>;
  readonly clock: Clock;
  /** A queue's ends are known now, which they were not. */
  readonly known: (queue: string) => void;
  readonly trouble: (queue: string, error: unknown) => void;
}

const REFRESH_MS = 30_000;
const RETRY_MS = 1000;

export function createQueueBounds({ admin, clock, known, trouble }: QueueBoundsOptions): QueueBounds {
  const queues = new Map<string, { ends: EventEnds | null; cancel: () => void }>();
  let stopped = false;

  const refresh = async (queue: string): Promise<void> => {
    const watch = queues.get(queue);
    if (watch === undefined || stopped) return;
    let waitMs = REFRESH_MS;
    try {
      const bounds = await admin.logBounds(queueTopicNames(queue).events);
      const first = watch.ends === null;
      watch.ends = bounds.toSorted((a, b) => a.partition - b.partition).map(({ endOffset }) => endOffset);
      if (first && !stopped) known(queue);
    } catch (error) {
      waitMs = watch.ends === null ? RETRY_MS : REFRESH_MS;
      trouble(queue, error);
    }
    if (!stopped) watch.cancel = clock.after(waitMs, () => { void refresh(queue); });
  };

  return {
    ends(queue) {
      const watch = queues.get(queue);
      if (watch !== undefined) return watch.ends;
      queues.set(queue, { ends: null, cancel: () => undefined });
      void refresh(queue);
      return null;
    },
    stop() {
      stopped = true;
      for (const { cancel } of queues.values()) cancel();
    },
  };
}
