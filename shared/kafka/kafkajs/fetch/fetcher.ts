import { setImmediate as nextTurn } from 'node:timers/promises';
import { MillraceError } from '../../../errors/MillraceError.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { FetchedBatch } from '../../port.ts';
import type { Cluster } from '../cluster.ts';
import { code, errorOfCode, errorOfFailure, isStaleLeaderCode, STALE_LEADER_TRIES } from '../failure.ts';
import { readLogBounds } from '../logBounds.ts';
import { retryDelayMs } from '../pause.ts';
import { decodeRecords } from '../recordBatch/decode.ts';
import type { Cursor, Cursors } from './cursors.ts';
import { decodeFetch, encodeFetch, type FetchedPartition } from './fetchRequest.ts';

interface Question {
  readonly cursor: Cursor;
  readonly epoch: number;
  readonly offset: number;
  /** It may be asked again, though the reply is not read to its end. */
  isAnswered: boolean;
}

export interface FetcherOptions {
  readonly maxWaitMs: number;
  readonly maxBytesPerPartition: number;
}

/** Upper bound of the bytes of one reply, whatever the number of partitions; in the further lanes, which serve few of them, a quarter. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Fetches under way at one broker: a partition that is resumed need not wait for the end of another's long poll. */
const LANES = 3;
/** An answer of so much of what was asked for is a full one. */
const FULL_SHARE = 0.5;
/** How long nothing of a fetch's answer may come, beyond what the broker may hold it; then its connection is replaced. */
const GRACE_MS = 5000;
/** A position above the log's end is believed only after this: a new leader may still be catching up. */
const AHEAD_GRACE_MS = 3000;

/**
 * Reads what the cursors ask for: long polls to the leaders, each topic-partition in at most one at a time, replies handed over
 * batch by batch with a turn of the event loop between two. A reply for a cursor that was paused, moved or removed meanwhile is
 * thrown away unread. A failure delays only what it concerns.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #cursors: Cursors;
  readonly #options: FetcherOptions;
  readonly #clock: Clock;
  readonly #deliver: (batch: FetchedBatch) => void;
  readonly #trouble: (error: Error) => void;
  readonly #unreadable: (topic: string, partition: number, error: Error) => void;
  readonly #lanes = new Map<number, Set<number>>();
  #poked = false;
  #cancelRetry: () => void = () => undefined;
  #refreshing = false;
  #stopped = false;
  #answeredMs = 0;

  constructor(cluster: Cluster, cursors: Cursors, options: FetcherOptions, clock: Clock, deliver: (batch: FetchedBatch) => void, trouble: (error: Error) => void, unreadable: (topic: string, partition: number, error: Error) => void) {
    this.#cluster = cluster;
    this.#cursors = cursors;
    this.#options = options;
    this.#clock = clock;
    this.#deliver = deliver;
    this.#trouble = trouble;
    this.#unreadable = unreadable;
  }

  /** Epoch ms of the last fetch answered; now while there is nothing to fetch. */
  get answeredMs(): number {
    return this.#cursors.active ? this.#answeredMs : this.#clock.now();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry();
  }

  /** Looks, soon, whether there is something to ask for. */
  poke(): void {
    if (this.#poked || this.#stopped) return;
    this.#poked = true;
    queueMicrotask(() => {
      this.#poked = false;
      if (!this.#stopped) this.#askWhatIsReady();
    });
  }

  #askWhatIsReady(): void {
    const nowMs = this.#clock.monotonic();
    const byLeader = new Map<number, Cursor[]>();
    let leaderless = false;
    for (const cursor of this.#cursors.ready(nowMs)) {
      const leader = this.#cluster.topic(cursor.topic)?.leaders.get(cursor.partition);
      if (leader === undefined) {
        leaderless = true;
        this.#delay(cursor);
        continue;
      }
      const ours = byLeader.get(leader);
      if (ours === undefined) byLeader.set(leader, [cursor]);
      else ours.push(cursor);
    }
    if (leaderless || this.#cluster.stale) this.#refresh();
    for (const [leader, cursors] of byLeader) {
      const busy = this.#lanes.get(leader) ?? new Set();
      this.#lanes.set(leader, busy);
      const lane = Array.from({ length: LANES }, (_, index) => index).find((index) => !busy.has(index));
      if (lane === undefined) continue;
      busy.add(lane);
      const asked = cursors.map((cursor) => ({ cursor, epoch: cursor.epoch, offset: cursor.offset, isAnswered: false }));
      for (const { cursor, epoch } of asked) cursor.fetching = epoch;
      void this.#fetch(leader, lane, asked).finally(() => {
        busy.delete(lane);
        for (const { cursor, epoch, isAnswered } of asked) if (!isAnswered && cursor.fetching === epoch) cursor.fetching = null;
        this.poke();
      });
    }
    this.#scheduleRetry(nowMs);
  }

  #scheduleRetry(nowMs: number): void {
    this.#cancelRetry();
    const nextMs = this.#cursors.nextRetryMs(nowMs);
    if (nextMs !== null) this.#cancelRetry = this.#clock.after(nextMs - nowMs, () => { this.poke(); });
  }

  async #fetch(leader: number, lane: number, asked: readonly Question[]): Promise<void> {
    try {
      const link = await this.#cluster.link(leader, `fetch${lane}`);
      const { maxWaitMs, maxBytesPerPartition } = this.#options;
      const request = encodeFetch({ maxWaitMs, maxBytes: lane === 0 ? MAX_BYTES : MAX_BYTES / 4, maxBytesPerPartition, positions: asked.map(({ cursor, offset }) => ({ topic: cursor.topic, partition: cursor.partition, offset })) });
      const reply = await link.requestRaw(request, decodeFetch, maxWaitMs + GRACE_MS, 'while-it-comes');
      if (this.#stopped) return;
      this.#answeredMs = this.#clock.now();
      if (reply.errorCode !== 0) throw errorOfCode(reply.errorCode, { at: 'fetch' });
      let handedOver = 0;
      for (const answer of reply.partitions) {
        const question = asked.find(({ cursor }) => cursor.partition === answer.partition && cursor.topic === answer.topic);
        if (question === undefined) continue;
        if (answer.records.length > 0 && handedOver++ > 0) await nextTurn();
        if (question.cursor.epoch === question.epoch && !this.#stopped) await this.#take(question.cursor, question.epoch, answer);
        if (answer.records.length >= maxBytesPerPartition * FULL_SHARE) this.#askOn(question);
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#trouble(errorOfFailure(error, { at: `fetch from broker ${leader}` }));
      for (const { cursor, epoch } of asked) if (cursor.epoch === epoch) this.#delay(cursor);
      this.#refresh();
    }
  }

  /** There is more where a full answer came from: it is asked for while the rest of the reply is read. */
  #askOn(question: Question): void {
    const { cursor, epoch } = question;
    if (cursor.fetching !== epoch || cursor.epoch !== epoch) return;
    question.isAnswered = true;
    cursor.fetching = null;
    this.poke();
  }

  async #take(cursor: Cursor, epoch: number, answer: FetchedPartition): Promise<void> {
    if (answer.errorCode === code.OFFSET_OUT_OF_RANGE) return this.#leaveRange(cursor, epoch);
    if (answer.errorCode !== 0) {
      if (cursor.failures >= STALE_LEADER_TRIES || !isStaleLeaderCode(answer.errorCode)) this.#trouble(errorOfCode(answer.errorCode, { at: `fetch of ${cursor.topic}/${cursor.partition}` }));
      this.#delay(cursor);
      if (isStaleLeaderCode(answer.errorCode)) this.#refresh();
      return;
    }
    if (answer.records.length === 0) {
      cursor.failures = 0;
      return;
    }
    let batch: FetchedBatch;
    try {
      const { records, nextOffset } = decodeRecords(answer.records, cursor.offset, answer.aborted);
      batch = { topic: cursor.topic, partition: cursor.partition, records, nextOffset, highWatermark: answer.endOffset };
    } catch (error) {
      const fix = 'Nothing behind them is read meanwhile. Where no replica has them whole, kafka-delete-records.sh takes them away';
      this.#unreadable(cursor.topic, cursor.partition, new MillraceError('RECORDS_UNREADABLE', { at: `${cursor.topic}/${cursor.partition} at ${cursor.offset}`, got: error, fix, cause: error }));
      this.#delay(cursor);
      return;
    }
    if (batch.nextOffset === cursor.offset && batch.records.length === 0) return;
    cursor.failures = 0;
    cursor.offset = batch.nextOffset;
    try {
      this.#deliver(batch);
    } catch (error) {
      this.#trouble(errorOfFailure(error, { at: 'fetched' })); // a defect of the listener, which had its chance
    }
  }

  /** The position lies outside the log: goes on from the log's start, and says so. Commits nothing; that is the owner's to decide. */
  async #leaveRange(cursor: Cursor, epoch: number): Promise<void> {
    const at = `${cursor.topic}/${cursor.partition}`;
    let startOffset: number;
    try {
      const bounds = (await readLogBounds(this.#cluster, cursor.topic, [cursor.partition])).get(cursor.partition);
      if (bounds === undefined || cursor.epoch !== epoch) return;
      const ahead = cursor.offset > bounds.endOffset;
      const inside = cursor.offset >= bounds.startOffset && !ahead;
      if (inside || (ahead && cursor.failures * 1000 < AHEAD_GRACE_MS)) {
        cursor.failures += 1;
        cursor.notBeforeMs = this.#clock.monotonic() + 1000;
        this.#refresh();
        return;
      }
      startOffset = bounds.startOffset;
    } catch (error) {
      this.#trouble(errorOfFailure(error, { at }));
      this.#delay(cursor);
      return;
    }
    this.#trouble(new MillraceError('BROKER_REFUSED', { at, expected: 'a position inside the log', got: cursor.offset, fix: `Reading goes on at the log's start, ${startOffset}` }));
    cursor.failures = 0;
    cursor.offset = startOffset;
  }

  #delay(cursor: Cursor): void {
    cursor.failures += 1;
    cursor.notBeforeMs = this.#clock.monotonic() + retryDelayMs(cursor.failures);
  }

  #refresh(): void {
    if (this.#refreshing || this.#stopped) return;
    this.#refreshing = true;
    this.#cluster.refresh().catch((error: unknown) => {
      if (!this.#stopped) this.#trouble(errorOfFailure(error, { at: 'metadata' }));
    }).finally(() => {
      this.#refreshing = false;
      this.poke();
    });
  }
}
