import { randomUUID } from 'node:crypto';
import { MillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import type { Admin, Broker, Consumer, FetchedRecord } from './port.ts';

export interface ScanOptions {
  readonly broker: Broker;
  readonly admin: Admin;
  readonly topic: string;
  /** Called with each record, in order inside a partition. */
  readonly visit: (partition: number, record: FetchedRecord) => void;
  /** Reads only these offsets, by partition. Left out: all there are. */
  readonly only?: ReadonlyMap<number, readonly number[]>;
  /** By partition: from which offset to before which; partitions that are not named are not read. Default: all of each. */
  readonly ranges?: ReadonlyMap<number, { readonly from: number; readonly to: number }>;
  /** Stops early when it says so; asked after each batch. */
  readonly enough?: () => boolean;
  /** Tells this scan from all others. Default: a random UUID. */
  readonly scanId?: string;
  readonly clock?: Clock;
}

/** Offsets that are further apart than this are fetched one by one, not read over. */
const WORTH_A_JUMP = 500;
/** So long nothing may come; then nothing will. */
const STILL_MS = 30_000;

/**
 * Reads a topic from its start to where it ended when the call was made. Commits nothing and leaves no group behind.
 * @throws MillraceError TOPIC_MISSING; after 30 s in which nothing came, RECORDS_UNREADABLE, or BROKER_UNAVAILABLE with the last trouble as its cause
 */
export async function scanTopic({ broker, admin, topic, visit, only, ranges, enough, scanId = randomUUID(), clock = systemClock }: ScanOptions): Promise<void> {
  const plans = new Map<number, Plan>();
  for (const { partition, startOffset, endOffset } of await admin.logBounds(topic)) {
    const range = ranges === undefined ? { from: startOffset, to: endOffset } : ranges.get(partition) ?? { from: 0, to: 0 };
    const plan = only === undefined ? planAll(Math.max(startOffset, range.from), Math.min(endOffset, range.to)) : planSome(only.get(partition) ?? [], startOffset, endOffset);
    if (plan !== null) plans.set(partition, plan);
  }
  if (plans.size === 0) return;
  const group = `millrace.scan.${scanId}`;
  let consumer: Consumer | undefined;
  let cancelGiveUp = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      let unreadable: Error | null = null;
      let trouble: Error | null = null;
      const moved = (): void => {
        cancelGiveUp();
        cancelGiveUp = clock.after(STILL_MS, () => {
          reject(unreadable ?? new MillraceError('BROKER_UNAVAILABLE', { at: `reading ${topic}`, expected: `records within ${STILL_MS / 1000} s`, got: trouble ?? 'none', ...(trouble === null ? {} : { cause: trouble }) }));
        });
      };
      moved();
      const arrived = (partition: number): void => {
        plans.delete(partition);
        consumer?.pause(topic, partition);
        if (plans.size === 0 || enough?.() === true) resolve();
      };
      consumer = broker.createConsumer(
        { group, topics: [topic], sessionTimeoutMs: 10_000, revokeTimeoutMs: 5000, maxBytesPerPartition: 1024 * 1024, maxWaitMs: 200, clientId: group },
        {
          assigned: (grants) => {
            for (const { partition } of grants) {
              const next = plans.get(partition)?.next();
              if (next !== undefined) consumer?.resume(topic, partition, next);
            }
          },
          revoked: () => Promise.resolve(),
          lost: () => undefined,
          fetched: (batch) => {
            const plan = plans.get(batch.partition);
            if (plan === undefined) return;
            moved();
            for (const record of batch.records) if (plan.takes(record.offset)) visit(batch.partition, record);
            plan.read(batch.nextOffset);
            const next = plan.next();
            if (next === undefined || enough?.() === true) arrived(batch.partition);
            else if (next > batch.nextOffset + WORTH_A_JUMP) consumer?.resume(topic, batch.partition, next);
          },
          trouble: (error) => { trouble = error; },
          unreadable: (_topic, _partition, error) => { unreadable = error; },
        },
      );
      consumer.start().catch(reject);
    });
  } finally {
    cancelGiveUp();
    await consumer?.close();
  }
}

/** What is to be read of one partition. */
interface Plan {
  takes(offset: number): boolean;
  /** All below was read. */
  read(nextOffset: number): void;
  /** Where to go on; undefined: nothing is left. */
  next(): number | undefined;
}

function planAll(startOffset: number, endOffset: number): Plan | null {
  let position = startOffset;
  if (endOffset <= startOffset) return null;
  return {
    takes: (offset) => offset >= position && offset < endOffset,
    read(nextOffset) { position = nextOffset; },
    next: () => (position < endOffset ? position : undefined),
  };
}

function planSome(offsets: readonly number[], startOffset: number, endOffset: number): Plan | null {
  let left = offsets.filter((offset) => offset >= startOffset && offset < endOffset).toSorted((a, b) => a - b);
  if (left.length === 0) return null;
  const wanted = new Set(left);
  return {
    takes: (offset) => wanted.delete(offset),
    read(nextOffset) { left = left.filter((offset) => offset >= nextOffset); },
    next: () => left[0],
  };
}
