import type { FetchedBatch } from '../port.ts';
import type { Liveness } from './liveness.ts';
import { copyHeaders, type StoredRecord } from './partitionLog.ts';
import type { World } from './world.ts';

export interface Fetcher {
  resume(offset: number): void;
  pause(): void;
  /** Epoch ms since when a hook keeps it from fetching; null while none does. */
  stalledSinceMs(): number | null;
  /** Stops for good. */
  stop(): void;
}

export interface FetcherOptions {
  readonly world: World;
  readonly liveness: Liveness;
  readonly group: string;
  readonly clientId: string;
  readonly topic: string;
  readonly partition: number;
  readonly maxBytes: number;
  readonly deliver: (batch: FetchedBatch) => void;
}

/** Reads one topic-partition for one consumer. Paused at first. */
export function createFetcher(options: FetcherOptions): Fetcher {
  const { world, liveness, topic, partition, maxBytes } = options;
  const log = world.topics.log(topic, partition);
  let position: number | null = null;
  let inFlight = false;
  let stalledSinceMs: number | null = null;

  const hasNews = (): boolean => position !== null && (position < log.endOffset() || position > log.endOffset());

  const fetch = (extraMs = 0): void => {
    if (inFlight || !hasNews()) return;
    inFlight = true;
    // The request is answered for the position it was sent with; who paused or moved meanwhile gets nothing of it.
    const asked = position;
    world.clock.after(world.latencyMs('fetch') + extraMs, () => {
      liveness.fromBroker(() => {
        inFlight = false;
        if (position === null || position !== asked) fetch();
        else if (extraMs > 0) answer(asked);
        else decide(asked);
      });
    });
  };

  const decide = (offset: number): void => {
    const decision = world.fetchHooks.decide({ clientId: options.clientId, group: options.group, topic, partition, offset });
    stalledSinceMs = decision?.type === 'stall' ? (stalledSinceMs ?? world.clock.now()) : null;
    if (decision === undefined) answer(offset);
    else if (decision.type === 'hold') fetch(Math.max(1, decision.forMs));
  };

  const answer = (offset: number): void => {
    // Out of range means the log was cut, or that the topic was made anew: either way its start is where records are.
    const from = offset < log.startOffset() || offset > log.endOffset() ? log.startOffset() : offset;
    const { records, nextOffset } = log.read(from, maxBytes);
    position = nextOffset;
    if (nextOffset !== offset) options.deliver({ topic, partition, records: records.map(copyRecord), nextOffset, highWatermark: log.endOffset() });
    fetch();
  };

  const stops = [log.onGrowth(() => { fetch(); }), world.onHooksChanged(() => { if (stalledSinceMs !== null) fetch(); })];
  return {
    resume(offset) {
      position = offset;
      fetch();
    },
    pause() {
      position = null;
      stalledSinceMs = null;
    },
    stalledSinceMs: () => stalledSinceMs,
    stop() {
      position = null;
      for (const stop of stops) stop();
    },
  };
}

/** Fresh bytes for each delivery, so that a handler that writes into a payload cannot change the log. */
function copyRecord({ offset, timestampMs, key, value, headers }: StoredRecord): FetchedBatch['records'][number] {
  return { offset, timestampMs, key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value), headers: copyHeaders(headers) };
}
