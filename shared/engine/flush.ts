import { applyCommands } from './commands.ts';
import type { CommitPoint, JobEvent, Publication } from './effects.ts';
import type { Engine } from './engine.ts';
import type { MainRecord } from './engineOptions.ts';
import { eventBytes } from './eventBytes.ts';
import { evictBlockers, rewriteOldest } from './evict.ts';
import { buried } from './finish.ts';
import { sweepMarks } from './marks.ts';
import type { Partition } from './partition.ts';
import { activate } from './restore.ts';
import { copyBytes, stamp } from './room.ts';
import { commitConfirmed, settle } from './settle.ts';

/** Bounds of one publication: it becomes one record batch, which a topic's `max.message.bytes` must take. */
const GROUP_ITEMS = 2000;
const EVENT_ITEMS = 10_000;
const GROUP_BYTES = 512 * 1024;

/** What one partition has to publish now. Each publication ends with {@link published} or {@link publishFailed}. */
export function takePublications<R extends MainRecord>(engine: Engine<R>, partition: Partition, now: number): Publication[] {
  const out: Publication[] = [];
  if (partition.phase === 'stopped') return out;
  if (partition.phase === 'active') {
    tellStarted(partition, now);
    if (partition.progress.size > 0) tellProgress(partition, now);
    if (!partition.draining) {
      sweepMarks(partition, now);
      evictBlockers(partition, engine.hungry && partition.backlog.length > 0 && !partition.mayTakeIn, now);
      rewriteOldest(partition);
    }
    const events = partition.events.take(now, EVENT_ITEMS, GROUP_BYTES, eventBytes);
    if (events !== null) out.push({ stream: 'events', items: events });
    const letters = takeDeadLetters(partition, now);
    if (letters !== null) out.push(letters);
  }
  const retry = partition.retry.take(now, GROUP_ITEMS, GROUP_BYTES, (write) => (write.type === 'wait' && write.job !== null ? copyBytes(partition, write.job) : 200));
  if (retry !== null) {
    stamp(partition, retry);
    // Of a group whose fate was unknown, what was read back is in the log.
    const items = retry.filter(({ confirmed }) => !confirmed);
    if (items.length > 0) out.push({ stream: 'retry', items });
    else published(engine, partition, 'retry', now);
  }
  return out;
}

/** The dead letters alone: a lane waits for their ack, so they need not wait for a flush of the rest. */
export function takeDeadLetters(partition: Partition, now: number): Publication | null {
  if (partition.phase !== 'active') return null;
  const items = partition.dlq.take(now, GROUP_ITEMS, GROUP_BYTES, (letter) => copyBytes(partition, letter.job));
  return items === null ? null : { stream: 'dlq', items };
}

/** Attempts that outlast a flush are told of; shorter ones are known by how they ended. */
function tellStarted(partition: Partition, now: number): void {
  if (partition.untold.length === 0) return;
  for (const job of partition.untold) {
    if (job.state !== 'running' || job.startTold) continue;
    job.startTold = true;
    partition.tell('started', job, now, 'nothing', { attempt: job.attempt + 1 });
  }
  partition.untold = [];
}

/** Of what a running attempt said of itself since the last flush, the last. */
function tellProgress(partition: Partition, now: number): void {
  for (const [job, words] of partition.progress) if (job.state === 'running') partition.tell('progress', job, now, 'nothing', { attempt: job.attempt + 1, words });
  partition.progress.clear();
}

/** The broker acked a publication. */
export function published<R extends MainRecord>(engine: Engine<R>, partition: Partition, stream: Publication['stream'], now: number): void {
  if (partition.phase === 'stopped') return;
  switch (stream) {
    case 'retry':
      partition.retry.acked(now);
      break;
    case 'dlq':
      for (const letter of partition.dlq.acked(now)) buried(partition, letter.job, letter.reason, letter.failure, now);
      break;
    case 'events':
      for (const event of partition.events.acked(now)) eventAcked(partition, event, now);
      break;
  }
  if (partition.phase === 'active' && partition.unapplied.size > 0) applyCommands(partition, now);
  engine.checkDrained(partition);
}

function eventAcked(partition: Partition, event: JobEvent, now: number): void {
  switch (event.then) {
    case 'nothing':
      return;
    case 'settle':
      settle(partition, event.job, now);
      return;
    case 'settle-main':
      if (event.job.slot >= 0) partition.settleSlot(event.job.slot);
      return;
  }
}

/** The broker refused, or nobody knows. The same publication is offered again after a wait; nothing of it counts as settled. */
export function publishFailed(partition: Partition, stream: Publication['stream'], code: string, now: number): void {
  if (partition.phase === 'stopped') return;
  const failures = partition[stream].failed(now, partition.host.random());
  partition.notice({ type: 'publish-refused', stream, failures, code });
}

export interface CommitRequest {
  readonly partition: Partition;
  readonly number: number;
  readonly main: CommitPoint;
  readonly retry: CommitPoint;
}

/** What to commit for a partition now, or null. One commit of a partition is under way at a time; it ends with {@link committed} or {@link commitFailed}. */
export function takeCommit(partition: Partition): CommitRequest | null {
  if (!partition.commitDue || partition.commitUnderWay !== null) return null;
  if (partition.phase !== 'active' && partition.phase !== 'confirming') return null;
  const request = { partition, number: partition.commitNumber++, main: partition.mainPoint(), retry: partition.retryPoint() };
  partition.commitUnderWay = request;
  partition.commitDue = false;
  return request;
}

export function committed<R extends MainRecord>(engine: Engine<R>, request: CommitRequest, now: number): void {
  const partition = request.partition;
  if (partition.commitUnderWay !== request) return;
  partition.commitUnderWay = null;
  if (partition.phase === 'stopped') return;
  partition.durableCommit = request.number;
  partition.committedOffset = Math.max(partition.committedOffset, request.main.offset);
  partition.frontier.forgetBelow(partition.committedOffset);
  if (partition.phase === 'confirming') activate(partition, now);
  else commitConfirmed(partition);
  engine.checkDrained(partition);
}

/** The commit was refused or its fate is unknown: it is taken anew. */
export function commitFailed(request: CommitRequest): void {
  const partition = request.partition;
  if (partition.commitUnderWay !== request) return;
  partition.commitUnderWay = null;
  partition.commitDue = true;
}
