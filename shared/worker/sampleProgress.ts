import type { Partition } from '../engine/partition.ts';
import type { Work } from '../runtime/progressWatch.ts';
import type { QueueRunner } from './queueRunner.ts';

/** The part of a runner that shows whether it moves on. */
export type ProgressingRunner = Pick<QueueRunner, 'highWatermarks' | 'lastSeen' | 'pulse'> & {
  readonly engine: Pick<QueueRunner['engine'], 'partitions' | 'startable' | 'awaitsSchema'>;
};

/**
 * What the runners could get done now, and how far they are. No work is: an attempt that runs, for its timeout bounds it; jobs that wait for
 * something; a schema that the registry does not give; a partition that stands until somebody helps. And while Kafka is silent or refuses things, nothing is held against the worker:
 * a restart would not bring Kafka back.
 */
export function sampleProgress(runners: readonly ProgressingRunner[], now: number, silentAfterMs: number): Map<string, Work> {
  const work = new Map<string, Work>();
  for (const [index, runner] of runners.entries()) {
    const { coordinatorMs, fetchMs } = runner.lastSeen();
    if (now - coordinatorMs >= silentAfterMs / 2) continue;
    const { begun, turns, refusedMs, requests } = runner.pulse;
    const putOwn = (name: string, progress: number | string, says: string): void => { work.set(`${index} ${name}`, { progress, says }); };
    const put = (name: string, progress: number, says: string): void => { putOwn(name, `${progress} ${refusedMs}`, says); };

    // Neither needs Kafka.
    if (runner.engine.partitions.size > 0) putOwn('loop', turns, 'its flush loop does not turn');
    if (runner.engine.startable > 0) putOwn('start', begun, `${runner.engine.startable} jobs could start`);

    // A fetch is answered within half a second, records or not.
    if (runner.engine.partitions.size > 0 && now - fetchMs >= silentAfterMs / 4) put('fetch', fetchMs, 'no fetch has come back');
    for (const sort of ['publication', 'commit'] as const) {
      if (requests[sort].underWay > 0) put(sort, requests[sort].ended, `a ${sort} has not ended`);
    }
    for (const partition of runner.engine.partitions.values()) {
      if (partition.stands) continue; // its log needs somebody to look, no restart
      const says = workOf(partition, runner);
      if (says !== null) put(`partition ${partition.number}`, progressOf(partition), `partition ${partition.number} ${says}`);
      for (const [what, progress, owed] of owedBy(partition)) put(`partition ${partition.number} ${what}`, progress, `partition ${partition.number} ${owed}`);
    }
  }
  return work;
}

function workOf(partition: Partition, { engine, highWatermarks }: ProgressingRunner): string | null {
  const { number, phase, fetchedUpTo, backlogRecords, draining } = partition;
  if (draining) return null; // its drain has a time limit
  if (phase !== 'active') return `is ${phase}`;
  const unread = Math.max(0, (highWatermarks.get(number) ?? 0) - fetchedUpTo) + backlogRecords;
  return unread > 0 && partition.mayTakeIn && !engine.awaitsSchema(partition) ? `has ${unread} records` : null;
}

/** What an open partition owes Kafka, and how far it is with that: each takes a moment, or is refused. */
function *owedBy(partition: Partition): Iterable<[what: string, progress: number, says: string]> {
  if (partition.phase !== 'active' || partition.draining) return;
  for (const stream of ['events', 'retry', 'dlq'] as const) {
    const { pending, ends } = partition[stream];
    if (pending > 0) yield [stream, ends, `has ${pending} records for ${stream} that it does not send`];
  }
  const { log, commitDue, commitUnderWay, commitNumber } = partition;
  if (log.unconfirmed.length > 0) yield ['log', log.position, `does not read back ${log.unconfirmed.length} records of its own`];
  if (commitDue && commitUnderWay === null) yield ['commits', commitNumber, 'has something to commit, and does not'];
}

const phases = ['restoring', 'leasing', 'confirming', 'active', 'stopped'] as const;

/** Every part of it only rises, but for the phase: so the sum rarely misses a move, and never twice. */
function progressOf({ reign, phase, fetchedUpTo, backlogRecords, committedOffset, log }: Partition): number {
  return reign * 8 + phases.indexOf(phase) + fetchedUpTo + committedOffset + log.position + (fetchedUpTo - backlogRecords);
}
