import type { Codec } from '../avro/codec.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { leaseRecord, readJobId, readKind, readRetryRecord, waitRecord } from '../kafka/envelope.ts';
import type { Admin, Broker, FetchedRecord, Headers, Producer } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import type { QueueTopicNames } from '../kafka/topics.ts';
import { jobEventsV2, type JobEventV2 } from '../../schemas/millrace.JobEvents/payload.generated.ts';
import type { Standing } from './readStanding.ts';

/** A job that is passed over; its payload is of no interest. */
export interface SkippedJob {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly headers: Headers | undefined;
}

const HOLDER = 'move-offsets';
const RECORDS_AT_ONCE = 200;
const EVENTS_AT_ONCE = 2000;

/**
 * Becomes the partition's owner in the log, as a worker would that restored it: only an owner's word counts there.
 * @returns the epoch @throws MillraceError GROUP_IN_USE: somebody was quicker
 */
export async function takeLease({ broker, admin, producer }: { readonly broker: Broker; readonly admin: Admin; readonly producer: Producer }, { main, retry }: QueueTopicNames, partition: number, { epoch, retryEnd }: Standing): Promise<number> {
  const mine = epoch + 1;
  const { baseOffset } = await producer.send(retry, partition, [leaseRecord(`lease/${mine}`, mine, HOLDER)]);
  let other: string | null = null;
  await scanTopic({
    broker, admin, topic: retry, ranges: new Map([[partition, { from: retryEnd, to: baseOffset }]]),
    visit(_partition, record) {
      const read = readRetryRecord(record, main, partition, 0);
      if (read.type === 'lease' && read.epoch >= mine) other = read.holder;
    },
  });
  if (other !== null) throw new MillraceError('GROUP_IN_USE', { at: `${retry}/${partition}`, got: `${String(other)} took it just now` });
  return mine;
}

/** Puts settled jobs back into the waiting room, in their places: the log's last word about them is no longer their tombstone. */
export async function reopenJobs(producer: Producer, { main, retry }: QueueTopicNames, partition: number, epoch: number, records: readonly FetchedRecord[], takenKeys: ReadonlySet<string>): Promise<void> {
  const keys = new Set(takenKeys);
  const waits = records.map(({ offset, timestampMs, key, value, headers }, index) => {
    const id = readJobId(headers, main, partition, offset);
    // Of several live jobs of one id, each needs a key of its own.
    const logKey = keys.has(id) ? `${id}#${offset}` : id;
    keys.add(logKey);
    const job = { id, kind: readKind(headers), origin: { topic: main, partition, offset, timestampMs }, key, value, headers };
    return waitRecord(logKey, job, { attempt: 0, dueMs: 0, reason: 'behind', failure: null, firstFailure: null }, { epoch, seq: index + 1 });
  });
  for (let at = 0; at < waits.length; at += RECORDS_AT_ONCE) await producer.send(retry, partition, waits.slice(at, at + RECORDS_AT_ONCE));
}

/** So that no status waits for ever for jobs that never run. */
export async function tellSkipped(producer: Producer, codec: Codec, { main, events }: QueueTopicNames, partition: number, epoch: number, jobs: readonly SkippedJob[], nowMs: number): Promise<void> {
  if (jobs.length === 0) return;
  const writer = await codec.register(jobEventsV2);
  const detail = { reason: null, dueMs: null, error: null, progress: null, note: 'skipped: the queue\'s offsets were moved past it', result: null };
  for (let at = 0; at < jobs.length; at += EVENTS_AT_ONCE) {
    const some = jobs.slice(at, at + EVENTS_AT_ONCE);
    const kinds = [...new Set(some.map(({ headers }) => readKind(headers) ?? ''))];
    const lines = some.map(({ offset, key, headers }): JobEventV2 => (
      { type: 'cancelled', id: readJobId(headers, main, partition, offset), kind: kinds.indexOf(readKind(headers) ?? ''), key, offset, attempt: 0, afterMs: 0, detail }
    ));
    await producer.send(events, partition, [{ key: null, value: codec.encode({ queue: main, partition, worker: HOLDER, epoch, startMs: nowMs, kinds, events: lines }, writer) }]);
  }
}
