import type { Session } from '../database/port.ts';
import type { Admin } from '../kafka/port.ts';
import { readAllPositions } from './positions.ts';
import type { Clock } from '../runtime/clock.ts';

/** Makes sure that a reader sees what had been written: waits until the tables have all that stood in the main topics when it asked. */
export interface ReadBarrier {
  /** True: the tables are there. False: they were not within the time. @throws MillraceError BROKER_UNAVAILABLE, DATABASE_* */
  passed(queues: readonly string[], withinMs: number): Promise<boolean>;
}

const LOOK_EVERY_MS = 50;

/** Calls that come while one asks Kafka share the next question, so a flood of them costs no more than one after the other. */
export function createReadBarrier({ session, admin, clock }: { readonly session: Session; readonly admin: Admin; readonly clock: Clock }): ReadBarrier {
  let asking: Promise<unknown> = Promise.resolve();
  let next: { readonly key: string; readonly ends: Promise<Map<string, number>> } | null = null;

  const askEnds = async (queues: readonly string[]): Promise<Map<string, number>> => {
    const ends = new Map<string, number>();
    await Promise.all(queues.map(async (queue) => {
      // What was written and has expired since need not be read.
      for (const { partition, startOffset, endOffset } of await admin.logBounds(queue)) if (endOffset > startOffset) ends.set(`${queue}/${partition}`, endOffset);
    }));
    return ends;
  };
  const sharedEnds = (queues: readonly string[]): Promise<Map<string, number>> => {
    const key = queues.join(' ');
    if (next?.key === key) return next.ends;
    const ends = asking.then(() => {
      next = null;
      return askEnds(queues);
    });
    asking = ends.catch(() => undefined);
    next = { key, ends };
    return ends;
  };

  return {
    async passed(queues, withinMs) {
      const startMs = clock.monotonic();
      const missing = await sharedEnds(queues);
      const left = new Map(missing);
      for (;;) {
        for (const queue of new Set([...left.keys()].map((name) => name.slice(0, name.lastIndexOf('/'))))) {
          for (const { partition, stream, nextOffset } of await readAllPositions(session, queue)) {
            const name = `${queue}/${partition}`;
            if (stream === 'main' && nextOffset >= (left.get(name) ?? Infinity)) left.delete(name);
          }
        }
        if (left.size === 0) return true;
        if (clock.monotonic() - startMs >= withinMs) return false;
        await new Promise<void>((resolve) => { clock.after(LOOK_EVERY_MS, resolve); });
      }
    },
  };
}
