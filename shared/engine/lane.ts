import type { Fifo } from './fifo.ts';
import type { Job } from './job.ts';
import type { Partition } from './partition.ts';

/**
 * The FIFO of one entity inside one partition; at most one attempt runs in it. A linked list ordered by {@link Job.place},
 * so that the usual append and removal are O(1).
 */
export class Lane {
  readonly partition: Partition;
  /** Null for a lane of one job that keeps no order. */
  readonly key: string | null;
  /** Its jobs that are not settled yet, also those that stepped aside or ended: as long as there are any, the entity has no other lane. */
  unsettled = 0;
  head: Job | null = null;
  tail: Job | null = null;
  /** The job that runs, is being claimed, or null. */
  busy: Job | null = null;
  /** True while the lane stands in the engine's ready queue. */
  ready = false;
  /** Jobs whose event is acked and whose settlement has to wait for its predecessors' (rule 9), oldest first. */
  settling: Fifo<Job> | null = null;
  /** Tombstones under way: written in order into one partition of the log, so none needs to wait for the one before it. */
  leaving = 0;
  /** Number of the commit that will carry the lane's latest settled offset; tombstones wait for it. */
  awaitsCommit: number;
  /** True while the partition remembers to look at it after the next commit. */
  awaiting = false;

  constructor(partition: Partition, key: string | null, awaitsCommit: number) {
    this.partition = partition;
    this.key = key;
    this.awaitsCommit = awaitsCommit;
  }

  /** Inserts by place; O(1) for the youngest and the oldest: in between it is looked for from both ends. */
  insert(job: Job): void {
    const before = this.#findBefore(job.place);
    const after = before === null ? this.head : before.next;
    job.prev = before;
    job.next = after;
    if (before === null) this.head = job;
    else before.next = job;
    if (after === null) this.tail = job;
    else after.prev = job;
    job.inLane = true;
  }

  /** The last whose place is not behind; null: none. */
  #findBefore(place: number): Job | null {
    let behind = this.tail;
    let ahead = this.head;
    while (behind !== null && ahead !== null) {
      if (behind.place <= place) return behind;
      if (ahead.place > place) return ahead.prev;
      behind = behind.prev;
      ahead = ahead.next;
    }
    return null;
  }

  remove(job: Job): void {
    if (!job.inLane) return;
    if (job.prev === null) this.head = job.next;
    else job.prev.next = job.next;
    if (job.next === null) this.tail = job.prev;
    else job.next.prev = job.prev;
    job.prev = null;
    job.next = null;
    job.inLane = false;
  }

  get idle(): boolean {
    return this.unsettled === 0 && this.head === null && this.busy === null;
  }
}
