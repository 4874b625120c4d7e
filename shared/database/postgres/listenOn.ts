import type pg from 'pg';
import type { Clock } from '../../runtime/clock.ts';
import { toDatabaseError } from '../databaseError.ts';
import { quoteIdentifier } from '../port.ts';

const RECONNECT_MS = 1000;

interface ListenOptions {
  /** A client that is not connected yet. */
  readonly connect: () => pg.Client;
  readonly channel: string;
  readonly heard: (payload: string) => void;
  readonly gap: () => void;
  readonly clock: Clock;
}

/** Listens on a connection of its own, which is opened anew when it breaks. Resolves once it listens. */
export async function listenOn({ connect, channel, heard, gap, clock }: ListenOptions): Promise<() => Promise<void>> {
  let stopped = false;
  let current: pg.Client | null = null;
  let cancelTimer = (): void => undefined;

  const open = async (): Promise<void> => {
    const client = connect();
    let over = false;
    const ended = (): void => {
      if (over) return;
      over = true;
      if (current !== client) return;
      current = null;
      if (!stopped) reopenLater();
    };
    client.on('error', ended);
    client.on('end', ended);
    client.on('notification', (message) => { if (message.channel === channel) heard(message.payload ?? ''); });
    try {
      await client.connect();
      await client.query(`listen ${quoteIdentifier(channel)}`);
    } catch (error) {
      over = true;
      await client.end().catch(() => undefined);
      throw toDatabaseError(error);
    }
    if (stopped) await client.end().catch(() => undefined);
    else if (over as boolean) reopenLater();
    else current = client;
  };
  const reopenLater = (): void => {
    cancelTimer = clock.after(RECONNECT_MS, () => {
      open().then(gap, () => { if (!stopped) reopenLater(); });
    });
  };

  await open();
  return async () => {
    stopped = true;
    cancelTimer();
    const client = current;
    current = null;
    await client?.end().catch(() => undefined);
  };
}
