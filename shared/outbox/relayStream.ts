import type { Database } from '../database/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { readRows, type ReadLimits, type WaitingRow } from './readRows.ts';
import { sendRows, type SendTools } from './sendRows.ts';
import { settleRows, type TryLimits } from './settleRows.ts';
import type { HeldShard, ShardLeases } from './shardLeases.ts';

/** What a relay tells of its work. */
export interface RelayObserver {
  /** Kafka has so many rows more, and the outbox so many less. */
  relayed(rows: number, tookMs: number): void;
  /** A row was refused; it is tried again, or it is sick. */
  refused(row: Pick<WaitingRow, 'seq' | 'queue' | 'id' | 'tries'>, error: unknown): void;
  /** Something failed that is tried again: an outage, a lost connection. */
  trouble(error: unknown): void;
}

export interface RelayStreamOptions {
  readonly database: Database;
  readonly relayId: string;
  readonly leases: ShardLeases;
  /** Which of the held shards are this stream's. */
  readonly isMine: (shard: number) => boolean;
  readonly send: Omit<SendTools, 'maySend' | 'clock' | 'random'>;
  readonly limits: ReadLimits;
  readonly tries: TryLimits;
  /** How long it sleeps at most; less, right after there was something. */
  readonly pollMs: number;
  readonly observer: RelayObserver;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Carries the rows of some shards to Kafka, batch after batch: read, send, settle. */
export interface RelayStream {
  /** Looks now, if it sleeps. */
  wake(): void;
  /** When something was last got done, or there was nothing to do; monotonic ms. */
  readonly lastGoodMs: number;
  /** When it last came round, well or not; monotonic ms. */
  readonly lastTurnMs: number;
  /** Resolves once the batch under way is settled. */
  stop(): Promise<void>;
}

/** After this many batches in a row, writers need not notify any more. */
const BUSY_AFTER_BATCHES = 3;
/** A stream that finds nothing looks again so soon before it has itself notified: whoever commits meanwhile did not know that it sleeps. */
const FIRST_POLL_MS = 20;
const MAX_FAILURE_PAUSE_MS = 2000;

export function startRelayStream(options: RelayStreamOptions): RelayStream {
  const { database, relayId, leases, clock, random, observer } = options;
  let stopping = false;
  let awake: () => void = () => undefined;
  let woken = false;
  let lastGoodMs = clock.monotonic();
  let lastTurnMs = lastGoodMs;
  /** It found nothing, and waits to be woken. */
  let resting = false;
  /** What the shards' rows say of themselves; null: not known. */
  let asleep: boolean | null = null;
  let batches = 0;
  let emptyLooks = 0;
  let failures = 0;

  const pause = async (ms: number): Promise<void> => {
    if (stopping || woken) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve);
      awake = () => {
        cancel();
        resolve();
      };
    });
  };

  const relayBatch = async (held: readonly HeldShard[]): Promise<'empty' | 'moved' | 'stood'> => {
    const startMs = clock.monotonic();
    const epochs = new Map(held.map((one) => [one.shard, one]));
    const maySend = ({ shard }: WaitingRow): boolean => {
      const one = epochs.get(shard);
      return !stopping && one !== undefined && leases.isHeld(one);
    };
    const rows = await readRows(database, held.map(({ shard }) => shard), options.limits);
    if (rows.length === 0) return 'empty';
    const [open = [], behind = []] = [rows.filter(mayGo), rows.filter((row) => !mayGo(row))];
    const sent = await sendRows(open, { ...options.send, maySend, clock, random });
    const settled = await settlePatiently({ relayId, held, acked: sent.acked, refused: sent.refused, behind, tries: options.tries });
    for (const { row, error } of sent.refused) observer.refused(row, error);
    if (settled > 0) observer.relayed(settled, clock.monotonic() - startMs);
    if (sent.outage !== null) observer.trouble(sent.outage);
    return settled + sent.refused.length + behind.length > 0 ? 'moved' : 'stood';
  };

  /** What Kafka has is not read again before the database knows it; unless the lease is lost, and somebody else relays it again. */
  const settlePatiently = async (settlement: Parameters<typeof settleRows>[1]): Promise<number> => {
    for (let tries = 0; ; tries++) {
      try {
        return (await settleRows(database, settlement)).removed;
      } catch (error) {
        observer.trouble(error);
        if (stopping || !settlement.held.some((held) => leases.isHeld(held))) throw error;
        await pause(failurePauseMs(tries));
      }
    }
  };
  const failurePauseMs = (count: number): number => Math.min(MAX_FAILURE_PAUSE_MS, 50 * 2 ** Math.min(count, 10)) * (0.5 + 0.5 * random());

  const tellAsleep = async (held: readonly HeldShard[], value: boolean): Promise<void> => {
    await database.query('update millrace_outbox_shard set asleep = $1 where shard = any($2::smallint[]) and holder = $3 and asleep <> $1', [value, held.map(({ shard }) => shard), relayId]);
    asleep = value;
  };

  const rest = async (held: readonly HeldShard[]): Promise<void> => {
    lastGoodMs = clock.monotonic();
    batches = 0;
    emptyLooks += 1;
    if (held.length > 0 && emptyLooks > 1 && asleep !== true) return tellAsleep(held, true);
    resting = true;
    await pause(Math.min(options.pollMs, FIRST_POLL_MS * 2 ** Math.min(emptyLooks - 1, 10)));
    resting = false;
  };

  let before = '';
  const turn = async (): Promise<void> => {
    woken = false;
    const held = leases.held().filter(({ shard }) => options.isMine(shard));
    const now = held.map(({ shard, epoch }) => `${shard}/${epoch}`).join();
    if (now !== before) [before, asleep] = [now, null];
    if (held.length === 0) return rest(held);
    leases.enter(held);
    try {
      const done = await relayBatch(held);
      if (done === 'empty') return await rest(held);
      emptyLooks = 0;
      batches += 1;
      if (batches === BUSY_AFTER_BATCHES && asleep !== false) await tellAsleep(held, false);
      if (done === 'stood') await pause(failurePauseMs(failures++));
      else [failures, lastGoodMs] = [0, clock.monotonic()];
    } finally {
      leases.leave(held);
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping) {
      lastTurnMs = clock.monotonic();
      try {
        await turn();
      } catch (error) {
        observer.trouble(error);
        await pause(failurePauseMs(failures++));
      }
    }
  };
  const running = run();

  return {
    wake() {
      woken = true;
      awake();
    },
    get lastGoodMs() { return resting ? clock.monotonic() : lastGoodMs; },
    get lastTurnMs() { return lastTurnMs; },
    stop() {
      stopping = true;
      awake();
      return running;
    },
  };
}

function mayGo({ seq, goesUpTo }: WaitingRow): boolean {
  return goesUpTo === null || seq <= goesUpTo;
}
