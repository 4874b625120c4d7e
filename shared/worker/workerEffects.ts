import { migrate } from '../database/migrate.ts';
import type { Database } from '../database/port.ts';
import { Inbox } from '../inbox/inbox.ts';
import { INBOX, inboxMigrations } from '../inbox/inboxMigrations.ts';
import { sweepInbox } from '../inbox/sweepInbox.ts';
import { LOCKS, lockMigrations } from '../locks/lockMigrations.ts';
import { Locks } from '../locks/locks.ts';
import { sweepLocks } from '../locks/lockTable.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';

export interface WorkerEffectsOptions {
  /** Stays the caller's to close. */
  readonly database: Database;
  readonly workerId: string;
  /** How long an effect is remembered. */
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** What a worker's attempts share of its database: the inbox and the locks, and the sweeping of both. */
export interface WorkerEffects {
  readonly workerId: string;
  readonly inbox: Inbox;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly random: () => number;
  /** Makes the tables, and begins to sweep now and then. @throws as `migrate` */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const SWEEP_MS = 10 * 60_000;
const PRUNE_MS = 60_000;

export function createWorkerEffects({ database, workerId, retentionMs, clock, random, logger }: WorkerEffectsOptions): WorkerEffects {
  const locks = new Locks({ database, clock, random });
  let stopped = false;
  let cancelSweep = (): void => undefined;
  let cancelPrune = (): void => undefined;
  let sweeping: Promise<void> = Promise.resolve();

  const sweep = async (): Promise<void> => {
    try {
      const gone = await sweepInbox(database, retentionMs);
      await sweepLocks(database);
      if (gone > 0) logger.info({ gone }, 'forgot effects that are older than the retention');
    } catch (error) {
      logger.warn({ err: error }, 'old effects could not be swept; the next time will');
    }
  };
  // Workers that start together do not sweep together.
  const sweepLater = (): void => {
    cancelSweep = clock.after(SWEEP_MS * (0.5 + random()), () => {
      sweeping = sweep().then(() => { if (!stopped) sweepLater(); });
    });
  };
  const pruneLater = (): void => {
    cancelPrune = clock.after(PRUNE_MS, () => {
      locks.prune();
      pruneLater();
    });
  };

  return {
    workerId, locks, clock, random,
    inbox: new Inbox(database),
    async start() {
      await migrate(database, INBOX, inboxMigrations);
      await migrate(database, LOCKS, lockMigrations);
      if (stopped) return;
      sweepLater();
      pruneLater();
    },
    async stop() {
      stopped = true;
      cancelSweep();
      cancelPrune();
      await sweeping;
      await locks.close();
    },
  };
}
