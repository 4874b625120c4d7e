import type { Codec } from '../avro/codec.ts';
import { readEnqueuedAtMs } from '../kafka/envelope.ts';
import type { Admin, Broker, FetchedRecord } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import { createSelector, kindOf, schemaIdOf, type ReplaySelection } from './replaySelection.ts';
import { settledAbove } from './replayPoint.ts';
import type { StartPoints } from './startPoints.ts';

/** What of one partition a replay would run. */
export interface PartitionPlan {
  readonly partition: number;
  /** The range that is left. */
  readonly from: number;
  readonly to: number;
  readonly jobs: number;
}

/** What a replay would do, counted by reading the range. */
export interface ReplayPlan {
  readonly partitions: readonly PartitionPlan[];
  /** Jobs that would run; the rest of the figures are of those too, where not said otherwise. */
  readonly jobs: number;
  /** By kind, in order; `(unreadable)`: no kind can be told, so they would die at once. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Kinds that no definition was given for; a replay with such is refused. */
  readonly unhandled: readonly string[];
  /** When the first and the last of them were enqueued. */
  readonly firstAt: Date | null;
  readonly lastAt: Date | null;
  /** Records of the range that are of another kind or entity. */
  readonly filtered: number;
  /** Those that are scheduled for a time to come: they have not run at all yet, and are left alone. */
  readonly later: number;
  /** Records that were asked for and that Kafka has deleted. */
  readonly deleted: number;
  /** Partitions whose log begins within the time asked for: what was before it may be deleted. */
  readonly maybeDeleted: readonly number[];
  /** A later end was asked for than there is: what comes from now on is not of it. */
  readonly endsLater: boolean;
  /** At the given rate; null: there is none. */
  readonly takesMs: number | null;
}

export const UNREADABLE = '(unreadable)';

export interface PlanOptions {
  readonly broker: Broker;
  readonly admin: Admin;
  readonly codec: Codec;
  readonly topic: string;
  readonly selection: ReplaySelection;
  /** What is left to do, of each partition. */
  readonly start: StartPoints;
  readonly handled: ReadonlySet<string>;
  readonly perSecond: number | null;
  readonly nowMs: number;
  /** Ends the counting. */
  readonly signal?: AbortSignal;
}

/** Counts what is left of a replay; reads all of it, and loads the schemas of foreign records. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE, RECORDS_UNREADABLE */
export async function planReplay({ broker, admin, codec, topic, selection, start: { points, deleted, endsLater }, handled, perSecond, nowMs, signal }: PlanOptions): Promise<ReplayPlan> {
  const ranges = new Map([...points].flatMap(([partition, { offset, to }]) => (offset < to ? [[partition, { from: offset, to }] as const] : [])));
  const schemaIds = new Set<number>();
  const scan = (visit: (partition: number, record: FetchedRecord) => void): Promise<void> => (
    ranges.size === 0 ? Promise.resolve() : scanTopic({ broker, admin, topic, ranges, visit, enough: () => signal?.aborted === true })
  );
  const settled = new Map([...points].map(([partition, point]) => [partition, settledAbove(point)]));
  const counts = new Map<number, number>();
  const kinds = new Map<string, number>();
  let [filtered, later, firstMs, lastMs] = [0, 0, Infinity, -Infinity];
  // A kind that only a schema tells is known only when that is loaded: such records are kept until then.
  const foreign: { readonly partition: number; readonly record: FetchedRecord }[] = [];
  const selects = createSelector(selection, codec);
  const count = (partition: number, record: FetchedRecord): void => {
    if (settled.get(partition)?.has(record.offset) === true) return;
    const verdict = selects(record, nowMs);
    if (verdict === 'filtered') filtered += 1;
    if (verdict === 'later') later += 1;
    if (verdict !== 'selected') return;
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
    const kind = kindOf(record, codec) ?? UNREADABLE;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const atMs = readEnqueuedAtMs(record.headers, record.timestampMs);
    firstMs = Math.min(firstMs, atMs);
    lastMs = Math.max(lastMs, atMs);
  };
  await scan((partition, record) => {
    const schemaId = schemaIdOf(record);
    if (schemaId === null || codec.knows(schemaId)) {
      count(partition, record);
      return;
    }
    schemaIds.add(schemaId);
    foreign.push({ partition, record: { offset: record.offset, timestampMs: record.timestampMs, headers: record.headers, value: record.value === null ? null : Buffer.from(record.value.subarray(0, SCHEMA_ID_BYTES)), key: record.key === null ? null : Buffer.from(record.key) } });
  });
  for (const schemaId of schemaIds) await codec.load(schemaId);
  for (const { partition, record } of foreign) count(partition, record);

  const jobs = [...counts.values()].reduce((sum, one) => sum + one, 0);
  return {
    partitions: [...points].map(([partition, { offset, to }]) => ({ partition, from: offset, to, jobs: counts.get(partition) ?? 0 })).toSorted((a, b) => a.partition - b.partition),
    jobs, filtered, later,
    kinds: Object.fromEntries([...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    unhandled: [...kinds.keys()].filter((kind) => kind !== UNREADABLE && !handled.has(kind)).toSorted(),
    firstAt: jobs === 0 ? null : new Date(firstMs),
    lastAt: jobs === 0 ? null : new Date(lastMs),
    deleted: [...deleted.values()].reduce<number>((sum, one) => sum + (one ?? 0), 0),
    maybeDeleted: [...deleted].flatMap(([partition, one]) => (one === null ? [partition] : [])),
    endsLater,
    takesMs: perSecond === null ? null : (jobs / perSecond) * 1000,
  };
}

/** Of a value that is only looked at for its schema. */
const SCHEMA_ID_BYTES = 16;
