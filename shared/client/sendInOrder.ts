import { isMillraceError } from '../errors/MillraceError.ts';
import type { OutgoingRecord, Producer } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';

/** One record on its way to a partition. Exactly one of `acked` and `failed` is called, once. */
export interface PendingRecord {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  /** Monotonic ms after which it is not tried again. */
  readonly deadlineMs: number;
  acked(offset: number): void;
  failed(error: unknown): void;
}

export interface SendOptions {
  readonly producer: Pick<Producer, 'send'>;
  readonly topic: string;
  readonly partition: number;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
}

/**
 * Sends records to one partition in the order in which they are put, as many at once as have gathered while the batch before was under way. A
 * batch that failed for now is sent again before anything else, so nothing overtakes; of a batch that is refused as too large, the halves are
 * tried, so that only the record that is too large fails. @returns put
 */
export function createOrderedSender(options: SendOptions): (pending: PendingRecord) => void {
  const { producer, topic, partition, clock } = options;
  let queue: PendingRecord[] = [];
  let head = 0;
  let running = false;

  const takeBatch = (): PendingRecord[] => {
    let bytes = 0;
    let end = head;
    while (end < queue.length && end - head < options.maxBatchRecords) {
      bytes += queue[end]?.bytes ?? 0;
      if (end > head && bytes > options.maxBatchBytes) break;
      end += 1;
    }
    const batch = queue.slice(head, end);
    head = end;
    if (head === queue.length) [queue, head] = [[], 0];
    return batch;
  };

  const sendBatch = async (batch: readonly PendingRecord[]): Promise<void> => {
    let left = batch;
    for (let failures = 0; left.length > 0; failures += 1) {
      try {
        const { baseOffset } = await producer.send(topic, partition, left.map(({ record }) => record));
        left.forEach((pending, i) => { pending.acked(baseOffset + i); });
        return;
      } catch (error) {
        if (isMillraceError(error, 'BROKER_RECORD_TOO_LARGE') && left.length > 1) {
          const middle = left.length >> 1;
          await sendBatch(left.slice(0, middle));
          left = left.slice(middle);
          continue;
        }
        const again = isMillraceError(error) && error.retriable;
        const waitMs = Math.min(2000, 50 * 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * options.random());
        const tooLateMs = clock.monotonic() + waitMs;
        for (const pending of left) if (!again || pending.deadlineMs < tooLateMs) pending.failed(error);
        left = again ? left.filter(({ deadlineMs }) => deadlineMs >= tooLateMs) : [];
        if (left.length > 0) await sleep(clock, waitMs);
      }
    }
  };

  const drain = async (): Promise<void> => {
    // What the caller puts in the same turn shall share the first batch.
    await Promise.resolve();
    while (head < queue.length) await sendBatch(takeBatch());
    running = false;
  };

  return (pending) => {
    queue.push(pending);
    if (running) return;
    running = true;
    void drain();
  };
}
