import type { Partition } from '../engine/partition.ts';
import type { Work } from '../runtime/progressWatch.ts';
import type { QueueRunner } from './queueRunner.ts';

/** The part of a runner that shows whether it moves on. */
export type ProgressingRunner = Pick<QueueRunner, 'highWatermarks' | 'lastSeen' | 'pulse'> & {
  readonly engine: Pick<QueueRunner['engine'], 'partitions' | 'startable' | 'awaitsSchema'>;
};

/**
 * What the runners could get done now, and how far they are. No work is: an attempt that runs, for its timeout bounds it; jobs that wait for
 * something; a schema that the registry does not give. And while Kafka is silent or refuses things, nothing is held against the worker:
 * a restart would not bring Kafka back.
 */
export function sampleProgress(runners: readonly ProgressingRunner[], now: number, silentAfterMs: number): Map<string, Work> {
  const work = new Map<string, Work>();
  for (const [index, runner] of runners.entries()) {
    const { coordinatorMs, fetchMs } = runner.lastSeen();
    if (now - coordinatorMs >= silentAfterMs / 2) continue;
    const { begun, refusedMs, requests } = runner.pulse;
    const put = (name: string, progress: number, says: string): void => { work.set(`${index} ${name}`, { progress: `${progress} ${refusedMs}`, says }); };

    // A fetch is answered within half a second, records or not.
    if (runner.engine.partitions.size > 0 && now - fetchMs >= silentAfterMs / 4) put('fetch', fetchMs, 'no fetch has come back');
    if (runner.engine.startable > 0) put('start', begun, `${runner.engine.startable} jobs could start`);
    for (const sort of ['publication', 'commit'] as const) {
      if (requests[sort].underWay > 0) put(sort, requests[sort].ended, `a ${sort} has not ended`);
    }
    for (const partition of runner.engine.partitions.values()) {
      const says = workOf(partition, runner);
      if (says !== null) put(`partition ${partition.number}`, progressOf(partition), `partition ${partition.number} ${says}`);
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

const phases = ['restoring', 'leasing', 'confirming', 'active', 'stopped'] as const;

/** Every part of it only rises, but for the phase: so the sum rarely misses a move, and never twice. */
function progressOf({ reign, phase, fetchedUpTo, backlogRecords, committedOffset, log }: Partition): number {
  return reign * 8 + phases.indexOf(phase) + fetchedUpTo + committedOffset + log.position + (fetchedUpTo - backlogRecords);
}
