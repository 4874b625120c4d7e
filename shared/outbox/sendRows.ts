import { MillraceError, isMillraceError } from '../errors/MillraceError.ts';
import { partitionFor } from '../kafka/partitionFor.ts';
import type { OutgoingRecord, Producer } from '../kafka/port.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleeps.ts';
import { recordOf } from './outboxRow.ts';
import type { WaitingRow } from './readRows.ts';

export interface SendTools {
  readonly producer: Pick<Producer, 'send' | 'partitionCount'>;
  /** Makes a queue's topics where they are missing; remembered by its owner. @throws as `prepareTopics` */
  readonly prepareQueue: (queue: string) => Promise<unknown>;
  /** The queue's topics are not what they were. */
  readonly forgetQueue: (queue: string) => void;
  /** Does this process still hold the row's shard, and shall it go on? Asked right before each request. */
  readonly maySend: (row: WaitingRow) => boolean;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** How long an outage is waited out before the rest of the batch is settled. */
  readonly patienceMs: number;
}

export interface SentRows {
  readonly acked: readonly WaitingRow[];
  /** Refused for what they are or where they go; the rows behind them in their lanes were not sent. */
  readonly refused: readonly { readonly row: WaitingRow; readonly error: unknown }[];
  /** Why others were left for another time; null: for no outage. */
  readonly outage: unknown;
}

interface Sending extends SendTools {
  readonly acked: WaitingRow[];
  readonly refused: { readonly row: WaitingRow; readonly error: unknown }[];
  /** Lanes in which a row was not sent: what follows it must not be either. */
  readonly shut: Set<string>;
  readonly deadlineMs: number;
  outage: unknown;
}

/** Below Kafka's 1 MB, so that it is one record batch, and none of it is appended when it is refused. */
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_BATCH_ROWS = 5000;
/** Key, headers and framing of a record, from above. */
const ROW_OVERHEAD_BYTES = 700;

/**
 * Sends rows, given in their order, to their queues: each lane in order, and nothing of a lane behind a row that was not acked. Partitions go side by
 * side. Resolves when every row has its answer or was left.
 */
export async function sendRows(rows: readonly WaitingRow[], tools: SendTools): Promise<SentRows> {
  const sending: Sending = { ...tools, acked: [], refused: [], shut: new Set(), deadlineMs: tools.clock.monotonic() + tools.patienceMs, outage: null };
  await Promise.all([...Map.groupBy(rows, ({ queue }) => queue)].map(([queue, ofQueue]) => sendToQueue(sending, queue, ofQueue)));
  return sending;
}

interface Letter {
  readonly row: WaitingRow;
  readonly record: OutgoingRecord;
}

async function sendToQueue(sending: Sending, queue: string, rows: readonly WaitingRow[]): Promise<void> {
  let partitions: number;
  try {
    await sending.prepareQueue(queue);
    partitions = await sending.producer.partitionCount(queue);
  } catch (error) {
    sending.forgetQueue(queue);
    if (isOutage(error)) leave(sending, rows, error);
    else refuseAll(sending, rows, error);
    return;
  }
  const byPartition: Letter[][] = Array.from({ length: partitions }, () => []);
  for (const row of rows) {
    if (sending.shut.has(row.lane)) continue;
    try {
      // Without an entity it goes where its id says: a double of it meets the first.
      byPartition[partitionFor(row.key ?? row.id, partitions)]?.push({ row, record: recordOf(row) });
    } catch (error) {
      refuse(sending, row, error);
    }
  }
  await Promise.all(byPartition.map((letters, partition) => sendToPartition(sending, queue, partition, letters)));
}

async function sendToPartition(sending: Sending, queue: string, partition: number, letters: readonly Letter[]): Promise<void> {
  const batches = cutBatches(letters);
  for (let failures = 0, batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
    const open = batch.filter(({ row }) => {
      if (!sending.maySend(row)) leave(sending, [row], null);
      return !sending.shut.has(row.lane);
    });
    if (open.length === 0) continue;
    const rows = open.map(({ row }) => row);
    try {
      await sending.producer.send(queue, partition, open.map(({ record }) => record));
      sending.acked.push(...rows);
      failures = 0;
    } catch (error) {
      if (isOutage(error)) {
        const waitMs = Math.min(1000, 50 * 2 ** Math.min(failures++, 10)) * (0.5 + 0.5 * sending.random());
        if (sending.clock.monotonic() + waitMs > sending.deadlineMs) return leave(sending, letters.map(({ row }) => row), error);
        await sleep(sending.clock, waitMs);
        batches.unshift(open);
      } else if (isMillraceError(error, 'TOPIC_MISSING')) {
        sending.forgetQueue(queue);
        refuseAll(sending, rows, error);
      } else if (open.length > 1) {
        // One of them it is; the others shall not wait for it.
        const middle = open.length >> 1;
        batches.unshift(open.slice(0, middle), open.slice(middle));
      } else {
        refuseAll(sending, rows, error);
      }
    }
  }
}

function cutBatches(letters: readonly Letter[]): Letter[][] {
  const batches: Letter[][] = [];
  let bytes = Infinity;
  for (const letter of letters) {
    const size = ROW_OVERHEAD_BYTES + (letter.row.key?.length ?? 0) + letter.row.value.length;
    if (bytes + size > MAX_BATCH_BYTES || (batches.at(-1)?.length ?? 0) >= MAX_BATCH_ROWS) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(letter);
    bytes += size;
  }
  return batches;
}

/** Not the rows' fault: it counts for none of them. */
function isOutage(error: unknown): boolean {
  return isMillraceError(error) && (error.retriable || error.code === 'NOT_RUNNING');
}

function refuse(sending: Sending, row: WaitingRow, error: unknown): void {
  if (sending.shut.has(row.lane)) return;
  sending.shut.add(row.lane);
  sending.refused.push({ row, error: error instanceof Error ? error : new MillraceError('OUTBOX_ROW_INVALID', { got: error }) });
}

/** Of each lane the first; the others are behind it. */
function refuseAll(sending: Sending, rows: readonly WaitingRow[], error: unknown): void {
  for (const row of rows) refuse(sending, row, error);
}

function leave(sending: Sending, rows: readonly WaitingRow[], outage: unknown): void {
  for (const { lane } of rows) sending.shut.add(lane);
  sending.outage ??= outage;
}
