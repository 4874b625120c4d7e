import type { Admin } from '../kafka/port.ts';
import { planTopics, type TopicChange } from '../kafka/planTopics.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import { ok, trouble, type Finding } from './finding.ts';

/** What is known of a queue, for {@link judgeQueue}. */
export interface QueueReading {
  readonly queue: string;
  readonly changes: readonly TopicChange[];
  readonly replicationFactor: number | null;
  /** Of the main topic; null: it keeps for ever. */
  readonly retentionMs: number | null;
  readonly partitions: number;
  /** Members of the queue's group, and the partition numbers that they own. */
  readonly members: number;
  readonly owned: readonly number[];
  /** Records that are not settled. */
  readonly lag: number;
  /** Partitions whose oldest unsettled record is older than half, or nine tenths, of what the main topic keeps. */
  readonly olderThanHalf: readonly number[];
  readonly olderThanMost: readonly number[];
  /** Partitions of which Kafka has deleted records that were not settled. */
  readonly lost: readonly number[];
  /** Partitions whose log ends before what was committed: their worker stands still. */
  readonly shorter: readonly number[];
}

const HALF = 0.5;
const MOST = 0.9;

/** Reads all that a diagnosis of a queue needs. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function readQueueHealth(admin: Admin, queue: string, nowMs: number): Promise<QueueReading> {
  const { main } = queueTopicNames(queue);
  const group = `millrace.${queue}`;
  const [changes, [described], bounds, committed, members] = await Promise.all([
    planTopics(admin, { queue }), admin.describeTopics([main]), admin.logBounds(main), admin.committed(group, main), admin.groupMembers(group),
  ]);
  const retention = Number(described?.config['retention.ms'] ?? -1);
  const retentionMs = retention >= 0 ? retention : null;
  const at = new Map(bounds.map(({ partition, startOffset }) => [partition, committed.find((one) => one.partition === partition)?.position?.offset ?? startOffset]));
  const olderThan = async (share: number): Promise<number[]> => {
    if (retentionMs === null) return [];
    const young = await admin.offsetsAt(main, nowMs - retentionMs * share);
    return bounds.flatMap(({ partition, endOffset }) => {
      const first = young.find((one) => one.partition === partition)?.offset ?? endOffset;
      return (at.get(partition) ?? 0) < first ? [partition] : [];
    });
  };
  return {
    queue, changes, retentionMs, replicationFactor: described?.replicationFactor ?? null, partitions: bounds.length, members: members.length, owned: members.flatMap((one) => one.partitions),
    lag: bounds.reduce((sum, { partition, startOffset, endOffset }) => sum + Math.max(0, endOffset - Math.max(startOffset, at.get(partition) ?? 0)), 0),
    olderThanHalf: await olderThan(HALF),
    olderThanMost: await olderThan(MOST),
    lost: bounds.flatMap(({ partition, startOffset }) => (committed.some((one) => one.partition === partition && one.position !== null && one.position.offset < startOffset) ? [partition] : [])),
    shorter: bounds.flatMap(({ partition, endOffset }) => ((at.get(partition) ?? 0) > endOffset ? [partition] : [])),
  };
}

/** What is wrong with a queue. Pure. */
export function judgeQueue(reading: QueueReading): Finding[] {
  const check = (what: string): string => `${reading.queue}: ${what}`;
  return [...judgeTopics(reading, check('topics')), judgeReplicas(reading, check('replicas')), judgeWorkers(reading, check('workers')), judgeBacklog(reading, check('backlog'))];
}

/** Settings without which promises do not hold. */
const vital: ReadonlySet<string> = new Set(['cleanup.policy', 'min.compaction.lag.ms', 'delete.retention.ms']);

function judgeTopics({ queue, changes, partitions }: QueueReading, check: string): Finding[] {
  if (changes.length === 0) return [ok(check, `four topics with ${partitions} partitions each, as declared`)];
  return changes.map((change) => {
    switch (change.type) {
      case 'create':
        return trouble(check, 'fail', `${change.topic} is missing`, `millrace topics apply ${queue}`);
      case 'add-partitions':
        return trouble(check, 'fail', `${change.topic} has ${change.from} partitions, others of the queue ${change.to}`, `millrace topics apply ${queue}, before any job is sent to the new ones`);
      case 'by-hand':
        return trouble(check, 'warn', `${change.topic}: ${change.setting} is ${change.from}, that of ${queue} ${change.to}`, change.risk);
      case 'set': {
        const [from, to] = [Number(change.from), Number(change.to)];
        const says = `${change.topic}: ${change.setting} is ${change.from}, declared ${change.to}`;
        // More than declared does no harm to a time or a size.
        if (change.setting !== 'cleanup.policy' && (from > to || from === -1)) return ok(check, says);
        return trouble(check, vital.has(change.setting) ? 'fail' : 'warn', says, `millrace topics apply ${queue}`);
      }
    }
  });
}

function judgeReplicas({ replicationFactor, queue }: QueueReading, check: string): Finding {
  if (replicationFactor === null || replicationFactor > 1) return ok(check, `${replicationFactor ?? 'unknown'}`);
  return trouble(check, 'warn', 'one replica: with its broker, jobs are gone', `Production wants 3: kafka-reassign-partitions, or topics apply ${queue} --replication-factor 3 for a new queue`);
}

function judgeWorkers({ members, owned, partitions, lag, queue }: QueueReading, check: string): Finding {
  if (members === 0) return trouble(check, lag > 0 ? 'fail' : 'warn', lag > 0 ? `none, and ${lag} records wait` : 'none', `Start one: npx millrace-worker ./jobs.js, with a kind of ${queue}`);
  if (owned.length < partitions) return trouble(check, 'warn', `${members}, which own ${owned.length} of ${partitions} partitions: the group hands some over`, 'Look again in a minute; if it stays so, look at the workers\' logs');
  return ok(check, `${members}, which own all ${partitions} partitions`);
}

function judgeBacklog({ lag, lost, shorter, olderThanHalf, olderThanMost, retentionMs, queue }: QueueReading, check: string): Finding {
  const keeps = retentionMs === null ? 'for ever' : `${Math.round(retentionMs / 3_600_000)} h`;
  if (shorter.length > 0) return trouble(check, 'fail', `partitions ${shorter.join(', ')} end before what was settled of them: the topic was made anew, and their workers stand still`, `Stop the workers; millrace move-offsets ${queue} --to beginning (run all that is there now) or --to end (none of it)`);
  if (lost.length > 0) return trouble(check, 'fail', `Kafka deleted records of partitions ${lost.join(', ')} before they were settled: those jobs are lost`, `Raise retention.ms of ${queue}, and its workers' number`);
  if (olderThanMost.length > 0) return trouble(check, 'fail', `${lag} records; the oldest of partitions ${olderThanMost.join(', ')} are about to be deleted (the topic keeps ${keeps})`, `Raise retention.ms of ${queue} now`);
  if (olderThanHalf.length > 0) return trouble(check, 'warn', `${lag} records; the oldest of partitions ${olderThanHalf.join(', ')} wait for longer than half of what the topic keeps (${keeps})`, `Raise retention.ms of ${queue}, or the number of its workers`);
  return ok(check, `${lag} records; the topic keeps ${keeps}`);
}
