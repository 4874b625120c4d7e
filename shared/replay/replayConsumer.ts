import { encodeLogPoint } from '../engine/commitMetadata.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Broker, Consumer, ConsumerListener, ConsumerOptions, FetchedRecord, OutgoingRecord, PartitionCommit, PartitionGrant } from '../kafka/port.ts';
import type { QueueTopicNames } from '../kafka/topics.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Pacer } from '../runtime/pacer.ts';
import { ReplayFeed } from './replayFeed.ts';
import { areOfOneReplay, decodeReplayPoint, encodeReplayPoint, holdBack, type ReplayPoint } from './replayPoint.ts';
import { ReplayRoom } from './replayRoom.ts';

export interface ReplayWorld {
  readonly topics: QueueTopicNames;
  readonly clock: Clock;
  readonly pacer: Pacer;
  readonly selects: (record: FetchedRecord) => boolean;
  /** Lease epochs of the queue's own workers, by partition: attempts of the replay bear the same fence, so that sinks refuse neither. */
  readonly epochs: ReadonlyMap<number, number>;
  /** What this replay is about, by partition. */
  readonly points: ReadonlyMap<number, ReplayPoint>;
  /** A commit is durable: all below `offset` is settled. */
  readonly committed: (partition: number, offset: number) => void;
  /** Another replay has this name: of what it committed nothing is touched. */
  readonly isOthers: () => void;
  /** Kafka gives back damaged records of a partition; null: no more. */
  readonly damaged: (partition: number, error: Error | null) => void;
}

interface Place {
  readonly feed: ReplayFeed;
  readonly room: ReplayRoom;
  readonly point: ReplayPoint;
}

/**
 * A consumer of a queue's topics as its worker knows it, of which only the main topic is Kafka's: cut to the range and the selection. The retry topic is a room
 * in memory, and commits are held back behind what waits there.
 */
export class ReplayConsumer implements Consumer {
  readonly #world: ReplayWorld;
  readonly #inner: Consumer;
  readonly #listener: ConsumerListener;
  readonly #places = new Map<number, Place>();

  constructor(world: ReplayWorld, broker: Broker, options: ConsumerOptions, listener: ConsumerListener) {
    this.#world = world;
    this.#listener = listener;
    this.#inner = broker.createConsumer({ ...options, topics: [world.topics.main] }, {
      assigned: (grants) => {
        const ours = grants.flatMap((grant) => this.#grant(grant) ?? []);
        if (ours.length > 0) listener.assigned(ours);
      },
      revoked: async (partitions) => {
        const ours = partitions.filter((partition) => this.#places.has(partition));
        try {
          if (ours.length > 0) await listener.revoked(ours);
        } finally {
          this.#drop(ours);
        }
      },
      lost: (partitions) => {
        const ours = partitions.filter((partition) => this.#places.has(partition));
        this.#drop(ours);
        if (ours.length > 0) listener.lost(ours);
      },
      fetched: (batch) => {
        world.damaged(batch.partition, null);
        this.#places.get(batch.partition)?.feed.fetched(batch);
      },
      trouble: (error) => { listener.trouble(error); },
      unreadable: (_topic, partition, error) => { world.damaged(partition, error); },
    });
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  resume(topic: string, partition: number, offset: number): void {
    const place = this.#places.get(partition);
    if (topic === this.#world.topics.main) place?.feed.resume(offset);
    else place?.room.resume(offset);
  }

  pause(topic: string, partition: number): void {
    const place = this.#places.get(partition);
    if (topic === this.#world.topics.main) place?.feed.pause();
    else place?.room.pause();
  }

  async commit(commits: readonly PartitionCommit[]): Promise<void> {
    const { main } = this.#world.topics;
    const points = commits.map(({ partition, positions }) => {
      const place = this.#places.get(partition);
      const said = positions.find(({ topic }) => topic === main);
      if (place === undefined || said === undefined) throw new MillraceError('BROKER_FENCED', { at: `partition ${partition}` });
      return { partition, point: { ...place.point, ...holdBack(said.offset, said.metadata, place.room.waiting) } };
    });
    await this.#inner.commit(points.map(({ partition, point }) => ({ partition, positions: [{ topic: main, offset: point.offset, metadata: encodeReplayPoint(point) }] })));
    for (const { partition, point } of points) this.#world.committed(partition, point.offset);
  }

  lastSeen(): { coordinatorMs: number; fetchMs: number } {
    return this.#inner.lastSeen();
  }

  async close(): Promise<void> {
    await this.#inner.close();
    this.#drop([...this.#places.keys()]);
  }

  /** To the retry topic. @throws MillraceError BROKER_FENCED */
  append(partition: number, records: readonly OutgoingRecord[]): number {
    const place = this.#places.get(partition);
    if (place === undefined) throw new MillraceError('BROKER_FENCED', { at: `partition ${partition}` });
    return place.room.append(records, this.#world.clock.now());
  }

  /** The main log of a partition begins here now: what of the range was before, and is not read yet, is gone. */
  logStarts(partition: number, offset: number): void {
    this.#places.get(partition)?.feed.logStarts(offset);
  }

  /** The worker shall forget the partition at once: what it has not committed of it is run again by whoever goes on. */
  giveUp(partition: number): void {
    this.#drop([partition]);
    this.#listener.lost([partition]);
  }

  /** Null: nothing is to be done of it. */
  #grant({ partition, committed, log }: PartitionGrant): PartitionGrant | null {
    const { topics: { main, retry }, epochs, points, pacer, clock, selects } = this.#world;
    const expected = points.get(partition);
    // It was added since, and has nothing of the range.
    if (expected === undefined) return null;
    const said = committed[main] ?? null;
    const bounds = log[main] ?? { startOffset: 0, endOffset: 0 };
    const point = said === null ? null : decodeReplayPoint(said.offset, said.metadata);
    if (point === null || !areOfOneReplay(point, expected)) {
      this.#world.isOthers();
      return null;
    }
    this.#drop([partition]);
    const room = new ReplayRoom({ main, retry, partition, clock, deliver: (batch) => { this.#listener.fetched(batch); } });
    const feed = new ReplayFeed({
      topic: main, partition, to: point.to, selects, pacer, clock, deliver: (batch) => { this.#listener.fetched(batch); },
      fetch: (offset) => { this.#inner.resume(main, partition, offset); }, stopFetching: () => { this.#inner.pause(main, partition); },
    });
    this.#places.set(partition, { feed, room, point });
    return {
      partition,
      committed: {
        [main]: { topic: main, offset: point.offset, metadata: point.settled },
        // The worker's lease is the next epoch.
        [retry]: { topic: retry, offset: 0, metadata: encodeLogPoint({ epoch: Math.max(0, (epochs.get(partition) ?? 1) - 1), seq: 0 }) },
      },
      log: { [main]: bounds, [retry]: { startOffset: 0, endOffset: 0 } },
    };
  }

  #drop(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const place = this.#places.get(partition);
      place?.feed.close();
      place?.room.close();
      this.#places.delete(partition);
    }
  }
}
