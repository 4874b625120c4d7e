import type { Session } from '../database/port.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Subscription } from './subscription.ts';

const COLUMNS = `id, url, secret, description, queues, kinds, states, created_ms as "createdMs", disabled_ms as "disabledMs", disabled_reason as "disabledReason"`;
/** All are looked at for every batch of events. */
const MOST = 1000;

/** The table of subscriptions. All throw what `Session.query` throws. */
export interface Subscriptions {
  /** @throws MillraceError TOO_MANY_WEBHOOKS */
  add(subscription: Subscription): Promise<void>;
  find(id: string): Promise<Subscription | null>;
  /** Oldest first. */
  list(): Promise<Subscription[]>;
  /** As {@link list}, of a time after the call; calls that come meanwhile share one query. */
  listFresh(): Promise<Subscription[]>;
  /** @returns whether it was there */
  remove(id: string): Promise<boolean>;
  /** No more is sent to it; of its first disabling the reason stays. */
  disable(id: string, reason: string, nowMs: number): Promise<void>;
}

export function createSubscriptions(session: Session): Subscriptions {
  let running: Promise<Subscription[]> | null = null;
  let next: Promise<Subscription[]> | null = null;

  const list = async (): Promise<Subscription[]> => (await session.query<Subscription>(`select ${COLUMNS} from webhook_subscriptions order by created_ms, id`)).rows;
  const start = (): Promise<Subscription[]> => {
    const mine = list().finally(() => { if (running === mine) running = null; });
    running = mine;
    return mine;
  };
  return {
    async add({ id, url, secret, description, queues, kinds, states, createdMs }) {
      const { affected } = await session.query(
        `insert into webhook_subscriptions (id, url, secret, description, queues, kinds, states, created_ms)
         select $1, $2, $3, $4, $5::text[], $6::text[], $7::text[], $8 where (select count(*) from webhook_subscriptions) < $9`,
        [id, url, secret, description, queues, kinds, states, createdMs, MOST],
      );
      if (affected === 0) throw new MillraceError('TOO_MANY_WEBHOOKS', { expected: `at most ${MOST}` });
    },
    find: async (id) => (await session.query<Subscription>(`select ${COLUMNS} from webhook_subscriptions where id = $1`, [id])).rows[0] ?? null,
    list,
    listFresh() {
      if (running === null) return start();
      // What runs may have looked before the call.
      next ??= running.catch(() => undefined).then(() => {
        next = null;
        return start();
      });
      return next;
    },
    remove: async (id) => (await session.query('delete from webhook_subscriptions where id = $1', [id])).affected > 0,
    async disable(id, reason, nowMs) {
      await session.query('update webhook_subscriptions set disabled_ms = $2, disabled_reason = $3 where id = $1 and disabled_ms is null', [id, nowMs, reason]);
    },
  };
}
