import type { Session } from '../database/port.ts';
import type { Admin } from '../kafka/port.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { findQueues } from './findQueues.ts';
import { readAllPositions } from './positions.ts';
import type { Stream } from './readFacts.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';

/** Makes sure that a reader sees what had been written: waits until the tables have all that stood in the topics when it asked. */
export interface ReadBarrier {
  /** True: the tables are there. False: they were not within the time. @throws MillraceError BROKER_UNAVAILABLE, DATABASE_* */
  passed(withinMs: number): Promise<boolean>;
}

export interface ReadBarrierOptions {
  readonly session: Session;
  readonly admin: Admin;
  readonly clock: Clock;
  /** Null: all that are there when the question comes. */
  readonly queues: readonly string[] | null;
  /** Which of their topics. Default: the main ones. */
  readonly stream?: Stream;
}

const LOOK_EVERY_MS = 50;

/** Calls that come while one asks Kafka share the next question, so a flood of them costs no more than one after the other. */
export function createReadBarrier({ session, admin, clock, queues, stream: asked = 'main' }: ReadBarrierOptions): ReadBarrier {
  let asking: Promise<unknown> = Promise.resolve();
  let next: Promise<Map<string, number>> | null = null;

  const askEnds = async (): Promise<Map<string, number>> => {
    const ends = new Map<string, number>();
    await Promise.all((queues ?? await findQueues(admin)).map(async (queue) => {
      // What was written and has expired since need not be read.
      for (const { partition, startOffset, endOffset } of await admin.logBounds(queueTopicNames(queue)[asked])) if (endOffset > startOffset) ends.set(`${queue}/${partition}`, endOffset);
    }));
    return ends;
  };
  const sharedEnds = (): Promise<Map<string, number>> => {
    if (next !== null) return next;
    const ends = asking.then(() => {
      next = null;
      return askEnds();
    });
    asking = ends.catch(() => undefined);
    next = ends;
    return ends;
  };

  return {
    async passed(withinMs) {
      const startMs = clock.monotonic();
      const left = new Map(await sharedEnds());
      for (;;) {
        for (const queue of new Set([...left.keys()].map((name) => name.slice(0, name.lastIndexOf('/'))))) {
          for (const { partition, stream, nextOffset } of await readAllPositions(session, queue)) {
            const name = `${queue}/${partition}`;
            if (stream === asked && nextOffset >= (left.get(name) ?? Infinity)) left.delete(name);
          }
        }
        if (left.size === 0) return true;
        if (clock.monotonic() - startMs >= withinMs) return false;
        await sleep(clock, LOOK_EVERY_MS);
      }
    },
  };
}
