import type { Database } from '../database/port.ts';
import type { Producer } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { WAKE_CHANNEL } from './outboxTables.ts';
import { readFigures, type OutboxFigures } from './outboxFigures.ts';
import { startRelayStream, type RelayObserver, type RelayStream } from './relayStream.ts';
import { freeDue } from './settleRows.ts';
import { createShardLeases, type ShardLeases } from './shardLeases.ts';

export interface OutboxRelayOptions {
  readonly database: Database;
  /** Started, and closed, by its owner. */
  readonly producer: Pick<Producer, 'send' | 'partitionCount'>;
  /** Makes a queue's topics where they are missing. @throws as `prepareTopics` */
  readonly prepareQueue: (queue: string) => Promise<unknown>;
  /** Differs from process to process, and from start to start. */
  readonly relayId: string;
  readonly observer: RelayObserver;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** A relay that dies is replaced within this time and a third of it. @default 5,000 */
  readonly leaseMs?: number;
  /** How long a row may lie that no notification told of. @default 1,000 */
  readonly pollMs?: number;
  /** Batches under way at once. @default 4 */
  readonly streams?: number;
  /** Of one shard in one batch. @default 500 */
  readonly rowsPerShard?: number;
  /** Of one batch. @default 4 MB */
  readonly batchBytes?: number;
  /** Refusals until a row is sick. @default 5 */
  readonly maxTries?: number;
  /** @default 1,000 */
  readonly firstRetryMs?: number;
  /** How long an outage of a partition is waited out within a batch. @default 3,000 */
  readonly patienceMs?: number;
}

/** Carries what `createOutbox` wrote to Kafka. Several at once, in one process or many, share the shards. */
export interface OutboxRelay {
  /** Returns once the shards that are free are this relay's, as far as its share goes. @throws as `Session.query` */
  start(): Promise<void>;
  /** Of the shards that it holds, as of lately; null: not read yet. */
  readonly figures: OutboxFigures | null;
  readonly shards: readonly number[];
  /** For how long there was work, or a lease to renew, and nothing moved, for whatever reason; ms. */
  readonly stillMs: number;
  /** For how long one of its loops has not come round: longer than any outage makes it, and it hangs; ms. */
  readonly hangsMs: number;
  /** Settles what is under way and hands the shards to the others. Idempotent. */
  stop(): Promise<void>;
}

const LONGEST_CHORES_MS = 500;
const RELISTEN_MS = 10_000;
/** Counting may take a twentieth of the time. */
const FIGURES_SHARE = 20;
const FIGURES_MS = 5000;

/** Does no I/O yet; the tables must be there when it starts. */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { database, observer, clock, leaseMs = 5000, firstRetryMs = 1000 } = options;
  const streamCount = options.streams ?? 4;
  const streams: RelayStream[] = [];
  const prepared = new Map<string, Promise<unknown>>();
  let figures: OutboxFigures | null = null;
  let figuresDueMs = 0;
  let listenDueMs = 0;
  let unlisten: (() => Promise<void>) | null = null;
  let lastRenewedMs = 0;
  let stopping: Promise<void> | null = null;
  const wakeAll = (): void => { for (const stream of streams) stream.wake(); };
  const leases: ShardLeases = createShardLeases({ session: database, relayId: options.relayId, leaseMs, clock, changed: wakeAll, freed: () => { renewLoop.soon(); } });

  const prepareQueue = (queue: string): Promise<unknown> => {
    let ready = prepared.get(queue);
    if (ready === undefined) prepared.set(queue, (ready = options.prepareQueue(queue)));
    return ready;
  };
  const send = {
    producer: options.producer, prepareQueue, patienceMs: options.patienceMs ?? 3000,
    forgetQueue: (queue: string) => { prepared.delete(queue); },
  };

  const heard = (payload: string): void => {
    if (payload === '') renewLoop.soon();
    else streams[Number(payload) % streamCount]?.wake();
  };
  const listen = async (): Promise<void> => {
    if (unlisten !== null || clock.monotonic() < listenDueMs) return;
    listenDueMs = clock.monotonic() + RELISTEN_MS;
    unlisten = await database.listen(WAKE_CHANNEL, heard, wakeAll);
  };
  const count = async (): Promise<void> => {
    const startMs = clock.monotonic();
    if (startMs < figuresDueMs) return;
    figures = await readFigures(database, leases.held().map(({ shard }) => shard));
    figuresDueMs = clock.monotonic() + Math.max(FIGURES_MS, FIGURES_SHARE * (clock.monotonic() - startMs));
  };
  const renewLoop = createLoop(clock, leaseMs / 3, observer, async () => {
    await leases.renew();
    lastRenewedMs = clock.monotonic();
  });
  const choresLoop = createLoop(clock, Math.min(LONGEST_CHORES_MS, firstRetryMs / 2), observer, async () => {
    if (await freeDue(database, leases.held().map(({ shard }) => shard)) > 0) wakeAll();
    await listen();
    await count();
  });

  return {
    async start() {
      // Without notifications it is slower, and that is all.
      await listen().catch((error: unknown) => { observer.trouble(error); });
      await leases.renew();
      lastRenewedMs = clock.monotonic();
      // The others see at once that there is one more to share with.
      await database.query(`select pg_notify('${WAKE_CHANNEL}', '')`);
      for (let index = 0; index < streamCount; index++) {
        streams.push(startRelayStream({
          database, relayId: options.relayId, leases, send, observer, clock, random: options.random,
          isMine: (shard) => shard % streamCount === index,
          limits: { rowsPerShard: options.rowsPerShard ?? 500, bytes: options.batchBytes ?? 4 * 1024 * 1024 },
          tries: { maxTries: options.maxTries ?? 5, firstRetryMs },
          pollMs: options.pollMs ?? 1000,
        }));
      }
      renewLoop.start();
      choresLoop.start();
    },
    get figures() { return figures; },
    get shards() { return leases.held().map(({ shard }) => shard); },
    get stillMs() { return Math.max(0, clock.monotonic() - Math.min(lastRenewedMs, ...streams.map(({ lastGoodMs }) => lastGoodMs))); },
    get hangsMs() { return streams.length === 0 ? 0 : clock.monotonic() - Math.min(...streams.map(({ lastTurnMs }) => lastTurnMs)); },
    stop() {
      stopping ??= (async () => {
        await Promise.all([...streams.map((stream) => stream.stop()), choresLoop.stop()]);
        await renewLoop.stop();
        await unlisten?.();
        await leases.close().catch((error: unknown) => { observer.trouble(error); });
      })();
      return stopping;
    },
  };
}

/** Runs work again and again, one at a time. */
function createLoop(clock: Clock, everyMs: number, observer: RelayObserver, work: () => Promise<void>): { start(): void; soon(): void; stop(): Promise<void> } {
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let cancel = (): void => undefined;
  const run = (): void => {
    cancel();
    if (stopped) return;
    if (running !== null) {
      again = true;
      return;
    }
    running = work().catch((error: unknown) => { observer.trouble(error); }).finally(() => {
      running = null;
      if (stopped) return;
      cancel = clock.after(again ? 0 : everyMs, run);
      again = false;
    });
  };
  return {
    start: run,
    soon: run,
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}
