import { applyCommands } from './commands.ts';
import type { EngineOptions, MainRecord } from './engineOptions.ts';
import { takeIn } from './intake.ts';
import type { Partition } from './partition.ts';

/** Of the records that a partition may hold back: at so few its fetching goes on. */
const RESUME_SHARE = 0.25;

/** What is fetched of the main topic on its way into the engine: held back where bounds are reached, or a schema is missing; fetching pauses where much is. */
export class MainStream<R extends MainRecord> {
  readonly #parse: EngineOptions<R>['parse'];
  readonly #sizeOf: EngineOptions<R>['sizeOf'];
  /** Partitions whose next record waits for its schema. */
  readonly #unread = new Set<Partition>();

  constructor({ parse, sizeOf }: Pick<EngineOptions<R>, 'parse' | 'sizeOf'>) {
    this.#parse = parse;
    this.#sizeOf = sizeOf;
  }

  fetched(partition: Partition, records: readonly R[], nextOffset: number, now: number): void {
    const position = Math.max(partition.frontier.position, partition.fetchedUpTo);
    if (nextOffset < position) {
      // Drivers read on at the log's start where it ends before the position. Its jobs must not be passed over as known ones, nor all run again.
      partition.host.standStill(partition, { type: 'log-shorter', position, found: records[0]?.offset ?? nextOffset });
      return;
    }
    partition.unreadable.delete('main');
    partition.lastProgressMs = now;
    const batch = { records, nextOffset, cursor: 0, bytes: 0 };
    partition.backlog.push(batch);
    partition.fetchedUpTo = nextOffset;
    partition.backlogRecords += records.length;
    this.takeIn(partition, now);
    // What was taken in at once needs no count.
    if (batch.cursor < records.length) {
      batch.bytes = records.reduce((sum, record) => sum + this.#sizeOf(record), 0);
      partition.backlogBytes += batch.bytes;
    }
    if (!partition.mainPaused && isAbove(partition, 1)) {
      partition.mainPaused = true;
      partition.host.effect({ type: 'pause', stream: 'main', partition: partition.number });
    }
  }

  /** Takes in what is held back, as far as the bounds allow. */
  takeIn(partition: Partition, now: number): void {
    if (partition.backlog.length === 0) return;
    if (takeIn(partition, this.#parse, now)) this.#unread.add(partition);
    else this.#unread.delete(partition);
    // Some may have waited for a job that is here now.
    if (partition.unapplied.size > 0 && partition.phase === 'active') applyCommands(partition, now);
    if (partition.mainPaused && partition.phase === 'active' && !isAbove(partition, RESUME_SHARE)) {
      partition.mainPaused = false;
      partition.host.effect({ type: 'resume', stream: 'main', partition: partition.number, offset: lastFetched(partition) });
    }
  }

  /** Something that records waited for (a schema) is there: they are read again. */
  readAgain(now: number): void {
    for (const partition of [...this.#unread]) this.takeIn(partition, now);
  }

  /** Whether the partition's next record waits for its schema. */
  awaitsSchema(partition: Partition): boolean {
    return this.#unread.has(partition);
  }

  forget(partition: Partition): void {
    this.#unread.delete(partition);
  }
}

/** Whether more is held back than this share of the bounds. */
function isAbove({ backlogRecords, backlogBytes, host: { limits, share } }: Partition, part: number): boolean {
  return backlogRecords > limits.backlogRecords * share * part || backlogBytes > limits.intakeBytes * share * part;
}

/** Where fetching continues: behind the batches that are still held back. */
function lastFetched(partition: Partition): number {
  return Math.max(partition.frontier.position, partition.fetchedUpTo);
}
