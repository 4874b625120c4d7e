import type { PackedHeaders } from './packedHeaders.ts';

/**
 * The broker port: all that millrace asks of Kafka. Two drivers implement it (`kafkajs/`, `memory/`), and both pass
 * `test/conformance/broker.ts`. Offsets and times are plain numbers (safe up to 2^53).
 *
 * The consumer's unit of ownership is a *partition number* of a set of co-partitioned topics: who owns number p owns p of
 * each of them. Ownership moves cooperatively: a partition is handed to somebody else only after its owner's `revoked`
 * promise settled (or its session died), so an owner may drain what runs; all other partitions go on meanwhile.
 */
/** Headers that come from a broker hold bytes: a Buffer, or an array in wire order where a name occurs more than once. Names are anybody's: look at own properties only. */
export type HeaderValue = Buffer | string | (Buffer | string)[] | undefined;
export type Headers = Readonly<Record<string, HeaderValue>>;

export interface FetchedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  /** The key's bytes as text, one character each (latin1), as lanes tell entities apart; absent: made of {@link key}. */
  readonly keyText?: string | null;
  /** May be a view of a larger fetch buffer: copy what you keep for long. */
  readonly value: Buffer | null;
  /** As {@link key} it may be a getter, which makes them when asked: a copy of a record's own properties lacks it. */
  readonly headers: Headers | undefined;
  /** The same, to look for single ones; absent: {@link headers} has them. */
  readonly packedHeaders?: PackedHeaders | undefined;
}

export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  /** May be empty: then only the position moved (compaction, control records). */
  readonly records: readonly FetchedRecord[];
  /** Where the next fetch starts. Greater than the last record's offset, but not always by one. */
  readonly nextOffset: number;
  /** The log's end as the broker saw it before it read the records; it may lag behind {@link nextOffset}. */
  readonly highWatermark: number;
}

export interface OutgoingRecord {
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: Headers;
}

/** Sends records. All methods are safe to call concurrently. */
export interface Producer {
  start(): Promise<void>;
  /**
   * Appends records to one partition, in order, and resolves with the offset of the first after acks=all. Calls for one
   * partition are appended in the order of the calls; calls made close together share requests. A rejection says nothing
   * about whether the records were appended (they may be, even later), but what was is the beginning of the call: no record stands in the log
   * without those given before it. The caller sends again or gives up.
   * @throws MillraceError BROKER_RECORD_TOO_LARGE, TOPIC_MISSING (or no such partition), BROKER_REFUSED (permanent for these records),
   *   BROKER_UNAVAILABLE (try again), NOT_RUNNING. A failure touches only the partition that failed.
   */
  send(topic: string, partition: number, records: readonly OutgoingRecord[]): Promise<{ baseOffset: number }>;
  /** Number of partitions of a topic, from cached metadata. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE */
  partitionCount(topic: string): Promise<number>;
  /** Waits for what is under way, then disconnects. Idempotent. */
  close(): Promise<void>;
}

export interface CommittedPosition {
  readonly topic: string;
  readonly offset: number;
  /** Free text, at most 4,096 bytes (`offset.metadata.max.bytes`). */
  readonly metadata: string;
}

export interface PartitionCommit {
  readonly partition: number;
  readonly positions: readonly CommittedPosition[];
}

export interface PartitionGrant {
  readonly partition: number;
  /** What the group had committed when the partition was granted, for each topic; null where nothing was. */
  readonly committed: Readonly<Record<string, CommittedPosition | null>>;
  /** The log's bounds when the partition was granted: first offset, and the offset after the last. */
  readonly log: Readonly<Record<string, { readonly startOffset: number; readonly endOffset: number }>>;
}

/**
 * What a consumer tells its owner. Calls come one at a time, never within a call of the consumer's methods, and must return quickly; a throw
 * is a defect of the listener (it goes to `trouble`, and the consumer goes on). Lists of partitions are never empty.
 */
export interface ConsumerListener {
  /** New partitions. All their topics are paused: call {@link Consumer.resume} with a position to start fetching. */
  assigned(grants: readonly PartitionGrant[]): void;
  /**
   * The group wants these partitions elsewhere. Delivery goes on as before (a drain reads its own writes back), and commits still
   * work, until the promise settles (either way); then they go. The driver waits at most `revokeTimeoutMs`, then treats them as lost.
   */
  revoked(partitions: readonly number[]): Promise<void>;
  /** Ownership ended without notice (session expired, fenced, revoke timed out): commits for them are refused from now on. The consumer joins again by itself. */
  lost(partitions: readonly number[]): void;
  fetched(batch: FetchedBatch): void;
  /** Something went wrong that the driver itself recovers from; for logs and metrics. */
  trouble(error: Error): void;
  /**
   * Records of a topic-partition cannot be decoded (RECORDS_UNREADABLE). The driver passes over none: it fetches them again and again, and tells of each
   * time; the next `fetched` of it says that it goes on. Left out: `trouble` is told.
   */
  unreadable?(topic: string, partition: number, error: Error): void;
}

export interface ConsumerOptions {
  readonly group: string;
  /** Co-partitioned topics. All must exist with equal partition numbers. */
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** How long {@link ConsumerListener.revoked} may take. Must be below the rebalance timeout. */
  readonly revokeTimeoutMs: number;
  /** Upper bound of bytes for one partition in one fetch. */
  readonly maxBytesPerPartition: number;
  /** How long the broker may hold an empty fetch. */
  readonly maxWaitMs: number;
  /** Shown in the group's description and in logs. */
  readonly clientId: string;
  /** The kinds of jobs that this member runs, for whoever asks who is in the group; very many are not told. */
  readonly kinds?: readonly string[];
}

export interface Consumer {
  /**
   * Joins the group and returns once the first assignment is known (it may be empty; if not, `assigned` was called before).
   * @throws MillraceError TOPIC_MISSING, TOPIC_DRIFT (unequal partition numbers), BROKER_UNAVAILABLE, NOT_RUNNING (closed meanwhile)
   */
  start(): Promise<void>;
  /**
   * Fetches from `offset` on. Where the log starts later, from there; where it ends before (it was made anew), from its start too.
   * Ignored for a partition that is not owned.
   */
  resume(topic: string, partition: number, offset: number): void;
  /** Stops delivery. After it returns no batch of the topic-partition is delivered until {@link resume}. */
  pause(topic: string, partition: number): void;
  /**
   * One attempt, in the generation in which the partitions are owned now; all or nothing. Calls take effect in their order.
   * @throws MillraceError BROKER_FENCED (not the owner any more; not started, closed), BROKER_REFUSED (metadata too long),
   *   BROKER_REBALANCING, BROKER_UNAVAILABLE (try again).
   */
  commit(commits: readonly PartitionCommit[]): Promise<void>;
  /** Epoch ms of the last sign of life from the group coordinator and of the last fetch answered; for health. */
  lastSeen(): { coordinatorMs: number; fetchMs: number };
  /** Leaves the group cleanly: `revoked` is called for what is owned, then the group is told. Idempotent. */
  close(): Promise<void>;
}

export interface TopicDescription {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicDeclaration {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface GroupMember {
  readonly clientId: string;
  /** Partition numbers; empty while the group rebalances. */
  readonly partitions: readonly number[];
  /** The kinds of jobs that it runs; null: it did not tell. */
  readonly kinds: readonly string[] | null;
}

/** A broker of the cluster. */
export interface BrokerNode {
  readonly id: number;
  /** "host:port", as clients are told to reach it. */
  readonly address: string;
}

/** What of a topic shall be otherwise. */
export interface TopicAlteration {
  readonly name: string;
  /** Settings that shall have these values; all others stay. */
  readonly config?: Readonly<Record<string, string>>;
  /** As many partitions in all; more than there are. */
  readonly partitions?: number;
}

export interface Admin {
  /** Names of all topics that this client may see, Kafka's own left out, sorted. */
  listTopics(): Promise<string[]>;
  /** Who is in a group now; nobody, where there is no such group. */
  groupMembers(group: string): Promise<GroupMember[]>;
  /** Null for a topic that does not exist. */
  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]>;
  /** Creates topics and waits until they have leaders. One that exists already is left as it is. */
  createTopics(topics: readonly TopicDeclaration[]): Promise<void>;
  /** Deletes topics and waits until they are gone, so that they can be created anew. One that does not exist is no error. */
  deleteTopics(names: readonly string[]): Promise<void>;
  /** First offset and the offset after the last, by partition number. @throws MillraceError TOPIC_MISSING */
  logBounds(topic: string): Promise<{ partition: number; startOffset: number; endOffset: number }[]>;
  /** By partition number: the first offset whose record is not older than then (epoch ms, by its timestamp); null where there is none. @throws MillraceError TOPIC_MISSING */
  offsetsAt(topic: string, timeMs: number): Promise<{ partition: number; offset: number | null }[]>;
  /** Changes topics, one after the other; what was changed before a failure stays so. @throws MillraceError TOPIC_MISSING, BROKER_REFUSED */
  alterTopics(alterations: readonly TopicAlteration[]): Promise<void>;
  /** The cluster's brokers, and which of them is the controller (by id; null where none is known). */
  describeCluster(): Promise<{ readonly brokers: readonly BrokerNode[]; readonly controller: number | null }>;
  /** For each broker of the cluster what this client would ask of it and it does not understand, in words; null: it cannot be asked now. */
  protocolGaps(): Promise<readonly { readonly broker: BrokerNode; readonly gaps: readonly string[] | null }[]>;
  /** For each partition; null where nothing was committed. @throws MillraceError TOPIC_MISSING */
  committed(group: string, topic: string): Promise<{ partition: number; position: CommittedPosition | null }[]>;
  /** Sets what a group has committed, in the place of its members. Kafka itself refuses while the group has any. @throws MillraceError GROUP_IN_USE */
  setCommitted(group: string, commits: readonly PartitionCommit[]): Promise<void>;
  close(): Promise<void>;
}

/** One cluster. Creating parts does no I/O; their `start` does. */
export interface Broker {
  createProducer(options: { readonly clientId: string }): Producer;
  createConsumer(options: ConsumerOptions, listener: ConsumerListener): Consumer;
  createAdmin(options: { readonly clientId: string }): Admin;
}
