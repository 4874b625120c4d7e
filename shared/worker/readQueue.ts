import { waitReason } from '../engine/room.ts';
import type { QueueReading } from '../runtime/metrics/queueMetrics.ts';
import type { QueueRunner } from './queueRunner.ts';

/** The part of a runner that a reading needs. */
export type ReadableRunner = Pick<QueueRunner, 'ready' | 'highWatermarks' | 'bodies'> & { readonly engine: Pick<QueueRunner['engine'], 'partitions' | 'running'> };

/** What the gauges show of a queue: looks at each waiting job, so it is for scrapes, not for every job. */
export function readQueue(runner: ReadableRunner): QueueReading {
  const waiting = new Map<string, number>();
  let lag = 0;
  let frontierSpan = 0;
  let roomBytes = 0;
  let standing = 0;
  let roomsFull = 0;
  const { jobs: spilledJobs, bytes: spilledBytes } = runner.bodies.spilled;
  for (const partition of runner.engine.partitions.values()) {
    lag += Math.max(0, (runner.highWatermarks.get(partition.number) ?? 0) - partition.fetchedUpTo) + partition.backlogRecords;
    frontierSpan = Math.max(frontierSpan, partition.span);
    roomBytes += partition.roomBytes;
    if (partition.stands) standing++;
    if (partition.isRoomFull) roomsFull++;
    for (const job of partition.room.values()) {
      const reason = waitReason(partition, job);
      waiting.set(reason, (waiting.get(reason) ?? 0) + 1);
    }
  }
  return { running: runner.engine.running, ready: runner.ready, partitions: runner.engine.partitions.size, standing, lag, frontierSpan, roomBytes, roomsFull, spilledJobs, spilledBytes, waiting };
}
