import { createCodec } from '../avro/codec.ts';
import type { Registry } from '../avro/registry.ts';
import { encodeSettled } from '../engine/commitMetadata.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin, Broker, FetchedRecord, PartitionCommit, Producer } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { readStanding, type Standing } from './readStanding.ts';
import { reopenJobs, tellSkipped, takeLease, type SkippedJob } from './writeAsOwner.ts';

/** Where to: of all partitions, or of those that are named; the others stay. */
export type MoveTarget = 'beginning' | 'end' | { readonly time: Date } | { readonly offsets: ReadonlyMap<number, number> };

export interface MoveOptions {
  /** Only say what would happen. */
  readonly dryRun?: boolean;
  /** Also skip jobs that have not run. */
  readonly force?: boolean;
  /** Default `millrace.<queue>`. */
  readonly group?: string;
}

export interface PartitionMove {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** Settled jobs that run again. */
  readonly again: number;
  /** Jobs that are not settled, and never run. */
  readonly skipped: number;
  /** Jobs in the waiting room: they stay, wherever the offset goes. */
  readonly waiting: number;
}

export interface MovedOffsets {
  readonly group: string;
  /** Those whose offset is another. */
  readonly partitions: readonly PartitionMove[];
  readonly again: number;
  readonly skipped: number;
  readonly moved: boolean;
}

export interface MoveTools {
  readonly broker: Broker;
  readonly admin: Admin;
  /** Started. */
  readonly producer: Producer;
  readonly registry: Registry;
  readonly clock?: Clock;
}

interface Planned extends PartitionMove {
  readonly standing: Standing;
  /** Main records of jobs that run again and that a tombstone in the retry topic calls settled. */
  readonly reopen: readonly FetchedRecord[];
  readonly skips: readonly SkippedJob[];
}

/**
 * Moves the offsets of a queue's own group. Back: the jobs from there on run again, in their order, as if they had not; so that they do, jobs whose
 * tombstones lie in the waiting room's log are put back into the room. Forward: jobs that are passed over never run; their status becomes `cancelled`. Jobs that
 * wait stay in the waiting room in either case. It also is what lets a partition go on whose topics were made anew below what was committed. Only while the group has no live member: Kafka itself sees to that.
 * @throws MillraceError GROUP_IN_USE; NEEDS_FORCE (unsettled jobs would be skipped); BAD_COMMAND (no such partition or offset, no such time); RECORDS_UNREADABLE
 *   (records that it would have to look at are damaged), TOPIC_MISSING, BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE
 */
export async function moveOffsets(tools: MoveTools, queue: string, to: MoveTarget, options: MoveOptions = {}): Promise<MovedOffsets> {
  const { broker, admin, registry, clock = systemClock } = tools;
  const { group = `millrace.${queue}`, dryRun = false, force = false } = options;
  const topics = queueTopicNames(queue);
  const members = await admin.groupMembers(group);
  if (members.length > 0 && !dryRun) throw inUse(group, members.map(({ clientId }) => clientId));

  const targets = await findTargets(admin, topics.main, to);
  const codec = createCodec({ registry, clock });
  const standings = await readStanding(broker, admin, codec, group, topics, (partition, committed) => targets.get(partition) ?? committed, clock.now());
  const plans = await plan({ broker, admin, clock }, topics.main, standings.flatMap((standing) => {
    const target = targets.get(standing.partition);
    return target === undefined || (target === standing.committed && !goesBack(standing, target)) ? [] : [{ standing, target }];
  }));
  const sum = (name: 'again' | 'skipped'): number => plans.reduce((total, one) => total + one[name], 0);
  const answer = { group, partitions: plans.map(({ partition, from, to: end, again, skipped, waiting }) => ({ partition, from, to: end, again, skipped, waiting })), again: sum('again'), skipped: sum('skipped') };
  if (dryRun || plans.length === 0) return { ...answer, moved: false };
  if (answer.skipped > 0 && !force) {
    throw new MillraceError('NEEDS_FORCE', { at: queue, got: `${answer.skipped} jobs that have not run, and would never run`, fix: 'Look at it in a dry run; force skips them' });
  }

  // Kafka takes this from nobody while the group has members: nothing is written before it is sure of that.
  await admin.setCommitted(group, plans.map(({ partition, standing }) => commitOf(partition, topics.main, standing.commit?.offset ?? standing.committed, standing.commit?.metadata ?? 'm1')));
  for (const { partition, standing, reopen, skips } of plans) {
    if (reopen.length + skips.length === 0) continue;
    const epoch = await takeLease(tools, topics, partition, standing);
    await reopenJobs(tools.producer, topics, partition, epoch, reopen, standing.takenKeys);
    await tellSkipped(tools.producer, codec, topics, partition, epoch, skips, clock.now());
  }
  await admin.setCommitted(group, plans.map(({ partition, to: end, standing }) => {
    const { partition: number, positions } = commitOf(partition, topics.main, end, goesBack(standing, end) ? 'm1' : encodeSettled(end, standing.settledAbove));
    return { partition: number, positions: standing.retryAnewFrom === null ? positions : [...positions, { topic: topics.retry, offset: standing.retryAnewFrom, metadata: '' }] };
  }));
  return { ...answer, moved: true };
}

async function findTargets(admin: Admin, topic: string, to: MoveTarget): Promise<Map<number, number>> {
  checkTarget(to);
  const bounds = await admin.logBounds(topic);
  if (to === 'beginning') return new Map(bounds.map(({ partition, startOffset }) => [partition, startOffset]));
  if (to === 'end') return new Map(bounds.map(({ partition, endOffset }) => [partition, endOffset]));
  if ('time' in to) {
    const found = await admin.offsetsAt(topic, to.time.getTime());
    return new Map(bounds.map(({ partition, endOffset }) => [partition, found.find((one) => one.partition === partition)?.offset ?? endOffset]));
  }
  for (const [partition, offset] of to.offsets) {
    const bound = bounds.find((one) => one.partition === partition);
    if (bound === undefined) throw refused(topic, `partitions from 0 to ${bounds.length - 1}`, partition);
    // Whoever mistypes a digit would pass over all jobs, or begin at another than thought.
    const isThere = Number.isSafeInteger(offset) && offset >= bound.startOffset && offset <= bound.endOffset;
    if (!isThere) throw refused(`${topic}/${partition}`, `an offset from ${bound.startOffset}, where its log begins, to ${bound.endOffset}, where it ends`, offset);
  }
  return new Map(to.offsets);
}

/** Without types anything may come. */
function checkTarget(to: unknown): void {
  if (to === 'beginning' || to === 'end') return;
  const { time, offsets } = (typeof to === 'object' && to !== null ? to : {}) as { readonly time?: unknown; readonly offsets?: unknown };
  if (time instanceof Date && !Number.isNaN(time.getTime())) return;
  if (offsets instanceof Map && offsets.size > 0) return;
  throw refused('to', '"beginning", "end", { time } with a Date, or { offsets } with a Map of partitions and offsets', to);
}

function refused(at: string, expected: string, got: unknown): MillraceError {
  return new MillraceError('BAD_COMMAND', { at, expected, got });
}

/** Jobs run again that count as settled: also where the offset stays, and they lie above it. */
function goesBack({ committed, settledAbove, tombstoned }: Standing, target: number): boolean {
  return target < committed || (target === committed && settledAbove.size + tombstoned.size > 0);
}

async function plan(tools: Pick<Required<MoveTools>, 'broker' | 'admin' | 'clock'>, topic: string, moves: readonly { readonly standing: Standing; readonly target: number }[]): Promise<Planned[]> {
  const plans = new Map(moves.map(({ standing, target }) => [standing.partition, { standing, target, again: 0, reopen: [] as FetchedRecord[], skips: [] as SkippedJob[] }]));
  const ranges = new Map(moves.map(({ standing, target }) => {
    const { committed, settledAbove, tombstoned } = standing;
    // A loop: more tombstones may be left than a call takes as its arguments.
    let last = committed - 1;
    for (const offsets of [settledAbove, tombstoned]) for (const offset of offsets) last = Math.max(last, offset);
    return [standing.partition, goesBack(standing, target) ? { from: target, to: last + 1 } : { from: committed, to: target }];
  }));
  await scanTopic({
    ...tools, topic, ranges,
    visit(partition, record) {
      const one = plans.get(partition);
      if (one === undefined) return;
      const { committed, settledAbove, tombstoned, waiting } = one.standing;
      if (waiting.has(record.offset)) return;
      const settled = record.offset < committed || settledAbove.has(record.offset) || tombstoned.has(record.offset);
      if (!goesBack(one.standing, one.target)) {
        if (!settled) one.skips.push({ offset: record.offset, timestampMs: record.timestampMs, headers: record.headers, key: record.key === null ? null : Buffer.from(record.key) });
        return;
      }
      if (settled) one.again += 1;
      if (tombstoned.has(record.offset)) one.reopen.push({ offset: record.offset, timestampMs: record.timestampMs, headers: record.headers, value: record.value === null ? null : Buffer.from(record.value), key: record.key === null ? null : Buffer.from(record.key) });
    },
  });
  return [...plans].map(([partition, { standing, target, again, reopen, skips }]) => ({
    partition, from: standing.committed, to: target, again, skipped: skips.length, waiting: standing.waiting.size, standing, reopen, skips,
  })).toSorted((a, b) => a.partition - b.partition);
}

function commitOf(partition: number, topic: string, offset: number, metadata: string): PartitionCommit {
  return { partition, positions: [{ topic, offset, metadata }] };
}

function inUse(group: string, members: readonly string[]): MillraceError {
  return new MillraceError('GROUP_IN_USE', { at: group, got: members.join(', '), fix: 'Stop its workers first; Kafka takes one that was killed for alive until its session is over' });
}
