import { isMillraceError, MillraceError } from '../../errors/MillraceError.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Consumer, ConsumerListener, ConsumerOptions, PartitionCommit, PartitionGrant } from '../port.ts';
import { request, type Cluster } from './cluster.ts';
import { commitTopics } from './commitTopics.ts';
import { readCommitted } from './committedOffsets.ts';
import { errorOfFailure, isStaleLeaderFailure, STALE_LEADER_TRIES } from './failure.ts';
import { Cursors } from './fetch/cursors.ts';
import { Fetcher } from './fetch/fetcher.ts';
import type { MemberShare } from './group/assignPartitions.ts';
import { Membership } from './group/membership.ts';
import { readLogBounds } from './logBounds.ts';
import { retryDelayMs, Sleeper, within } from './pause.ts';
import type { OffsetCommitReply } from './replies.ts';
import { waitForTopics } from './waitForTopics.ts';

/** `granting`: given by the group, the owner does not know yet. `draining`: the owner was told to let go, and still reads and commits. */
interface Holding { state: 'granting' | 'owned' | 'draining'; wantedBack: boolean }

const METADATA_BYTES = 4096;
/** A rebalance is noticed by heartbeat, so their interval is what a hand-over takes. */
const LONGEST_HEARTBEAT_INTERVAL_MS = 500;
const HEARTBEATS_PER_SESSION = 10;

/** The port's consumer: what this member holds, and when its owner hears of it. Membership and fetching are parts of their own. */
export class KafkajsConsumer implements Consumer {
  readonly #cluster: Cluster;
  readonly #options: ConsumerOptions;
  readonly #listener: ConsumerListener;
  readonly #clock: Clock;
  readonly #membership: Membership;
  readonly #cursors = new Cursors();
  readonly #fetcher: Fetcher;
  readonly #holdings = new Map<number, Holding>();
  readonly #drains = new Set<Promise<void>>();
  #lastCommit: Promise<unknown> = Promise.resolve();
  #started: { resolve: () => void; reject: (error: Error) => void } | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;

  constructor(cluster: Cluster, options: ConsumerOptions, listener: ConsumerListener, clock: Clock) {
    this.#cluster = cluster;
    this.#options = options;
    this.#listener = listener;
    this.#clock = clock;
    const trouble = (error: Error): void => { this.#trouble(error); };
    this.#fetcher = new Fetcher(cluster, this.#cursors, options, clock, (batch) => { listener.fetched(batch); }, trouble, (topic, partition, error) => { this.#unreadable(topic, partition, error); });
    this.#membership = new Membership(cluster, {
      group: options.group,
      topics: options.topics,
      sessionTimeoutMs: options.sessionTimeoutMs,
      kinds: options.kinds ?? null,
      rebalanceTimeoutMs: options.sessionTimeoutMs + options.revokeTimeoutMs,
      heartbeatIntervalMs: Math.min(LONGEST_HEARTBEAT_INTERVAL_MS, options.sessionTimeoutMs / HEARTBEATS_PER_SESSION),
    }, {
      claims: () => [...this.#holdings.keys()].sort((a, b) => a - b),
      retiring: () => this.#closing !== null,
      shared: (share) => { this.#take(share); },
      lost: () => { this.#loseAll(); },
      trouble,
    }, clock);
  }

  async start(): Promise<void> {
    const counts = await waitForTopics(this.#cluster, this.#options.topics, this.#clock);
    if (new Set(counts.values()).size > 1) {
      throw new MillraceError('TOPIC_DRIFT', { expected: 'equal partition numbers', got: [...counts].map(([topic, count]) => `${topic}: ${count}`).join(', ') });
    }
    const first = new Promise<void>((resolve, reject) => { this.#started = { resolve, reject }; });
    this.#membership.start();
    try {
      await first;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#started = null;
    }
  }

  resume(topic: string, partition: number, offset: number): void {
    const cursor = this.#cursors.get(topic, partition);
    if (cursor === undefined) return;
    this.#cursors.resume(cursor, offset);
    this.#fetcher.poke();
  }

  pause(topic: string, partition: number): void {
    const cursor = this.#cursors.get(topic, partition);
    if (cursor !== undefined && !cursor.paused) this.#cursors.pause(cursor);
  }

  commit(commits: readonly PartitionCommit[]): Promise<void> {
    // One after the other: a failed one cannot be overtaken by what was said after it.
    const done = this.#lastCommit.then(() => this.#commit(commits));
    this.#lastCommit = done.catch(() => undefined);
    return done;
  }

  async #commit(commits: readonly PartitionCommit[]): Promise<void> {
    for (const { partition, positions } of commits) {
      const holding = this.#holdings.get(partition);
      if (this.#closed || holding === undefined || holding.state === 'granting') throw new MillraceError('BROKER_FENCED', { at: `${this.#options.group}, partition ${partition}` });
      const long = positions.find(({ metadata }) => Buffer.byteLength(metadata) > METADATA_BYTES);
      if (long !== undefined) throw new MillraceError('BROKER_REFUSED', { at: `metadata of ${long.topic}/${partition}`, expected: `at most ${METADATA_BYTES} bytes`, got: Buffer.byteLength(long.metadata) });
    }
    const topics = commitTopics(commits);
    if (topics.length === 0) return;
    const as = await this.#membership.commitAs();
    const sentAtMs = this.#clock.monotonic();
    const reply = await request<OffsetCommitReply>(as.link, 'OffsetCommit', { groupId: this.#options.group, groupGenerationId: as.generation, memberId: as.memberId, topics });
    const refused = reply.responses.flatMap((response) => response.partitions).find(({ errorCode }) => errorCode !== 0);
    if (refused !== undefined) throw this.#membership.commitRefused(refused.errorCode, as);
    this.#membership.confirmAlive(sentAtMs);
  }

  lastSeen(): { coordinatorMs: number; fetchMs: number } {
    return { coordinatorMs: this.#membership.lastSeenMs, fetchMs: this.#fetcher.answeredMs };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.resolve(); // the listener is never called within a call of the consumer
    for (const [partition, holding] of this.#holdings) if (holding.state === 'granting') this.#holdings.delete(partition);
    this.#drain([...this.#holdings].filter(([, holding]) => holding.state === 'owned').map(([partition]) => partition));
    await Promise.all(this.#drains);
    this.#closed = true;
    this.#fetcher.stop();
    await within(this.#clock, this.#options.sessionTimeoutMs, this.#membership.leave(), undefined);
    this.#cluster.close();
    this.#started?.reject(new MillraceError('NOT_RUNNING', { at: 'consumer' }));
  }

  #take(share: MemberShare): void {
    if (this.#closed) return;
    const mine = new Set(share.partitions);
    const voided: number[] = [];
    const leaving: number[] = [];
    let dropped = false;
    for (const [partition, holding] of this.#holdings) {
      if (mine.has(partition)) {
        if (holding.state === 'draining') holding.wantedBack = true;
      } else if (holding.state === 'granting') {
        this.#holdings.delete(partition);
        dropped = true;
      } else if (share.voided.includes(partition)) {
        this.#drop(partition);
        voided.push(partition);
      } else {
        holding.wantedBack = false;
        if (holding.state === 'owned') leaving.push(partition);
      }
    }
    this.#tellLost(voided);
    if (dropped) this.#membership.requestRejoin();
    if (leaving.length > 0) this.#drain(leaving);
    if (this.#closing === null) this.#grant(share.partitions.filter((partition) => !this.#holdings.has(partition)));
  }

  #drop(partition: number): void {
    this.#holdings.delete(partition);
    for (const topic of this.#options.topics) this.#cursors.remove(topic, partition);
  }

  #loseAll(): void {
    const known = [...this.#holdings].filter(([, holding]) => holding.state !== 'granting').map(([partition]) => partition);
    for (const partition of [...this.#holdings.keys()]) this.#drop(partition);
    this.#tellLost(known);
  }

  #tellLost(partitions: readonly number[]): void {
    if (partitions.length > 0) this.#tell('lost', () => { this.#listener.lost(partitions); });
  }

  /** A listener that throws must not stop the group or the fetches. */
  #tell(at: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#trouble(errorOfFailure(error, { at }));
    }
  }

  #drain(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    const tokens = new Map<number, Holding>();
    for (const partition of partitions) {
      const holding: Holding = { state: 'draining', wantedBack: false };
      this.#holdings.set(partition, holding);
      tokens.set(partition, holding);
    }
    const drained = this.#waitUntilDrained(tokens).finally(() => { this.#drains.delete(drained); });
    this.#drains.add(drained);
  }

  async #waitUntilDrained(tokens: ReadonlyMap<number, Holding>): Promise<void> {
    const settled = (async () => { await this.#listener.revoked([...tokens.keys()]); })().catch((error: unknown) => { this.#trouble(errorOfFailure(error, { at: 'revoked' })); });
    const inTime = await within(this.#clock, this.#options.revokeTimeoutMs, settled.then(() => true), false);
    const still = [...tokens].filter(([partition, holding]) => this.#holdings.get(partition) === holding);
    for (const [partition] of still) this.#drop(partition);
    if (!inTime) this.#tellLost(still.map(([partition]) => partition));
    if (this.#closing !== null) return;
    this.#grant(still.filter(([, holding]) => holding.wantedBack).map(([partition]) => partition));
    if (still.some(([, holding]) => !holding.wantedBack)) this.#membership.requestRejoin();
  }

  #grant(partitions: readonly number[]): void {
    if (partitions.length === 0) {
      this.#started?.resolve();
      return;
    }
    const tokens = new Map<number, Holding>();
    for (const partition of partitions) {
      const holding: Holding = { state: 'granting', wantedBack: false };
      this.#holdings.set(partition, holding);
      tokens.set(partition, holding);
    }
    void this.#readGrants(tokens);
  }

  async #readGrants(tokens: ReadonlyMap<number, Holding>): Promise<void> {
    const sleeper = new Sleeper(this.#clock);
    for (let attempt = 1; ; attempt++) {
      const wanted = (): number[] => [...tokens].filter(([partition, holding]) => this.#holdings.get(partition) === holding).map(([partition]) => partition);
      if (this.#closed || wanted().length === 0) return;
      try {
        const grants = await this.#readGrantsOnce(wanted());
        const still = new Set(wanted());
        const given = grants.filter(({ partition }) => still.has(partition));
        for (const { partition } of given) {
          const holding = tokens.get(partition);
          if (holding !== undefined) holding.state = 'owned';
          for (const topic of this.#options.topics) this.#cursors.add(topic, partition);
        }
        if (given.length > 0) this.#tell('assigned', () => { this.#listener.assigned(given); });
        this.#started?.resolve();
        return;
      } catch (error) {
        if (attempt > STALE_LEADER_TRIES || !isStaleLeaderFailure(error)) this.#trouble(errorOfFailure(error, { at: `positions of ${this.#options.group}` }));
        await sleeper.sleep(retryDelayMs(attempt));
        await this.#cluster.refresh().catch(() => undefined);
      }
    }
  }

  async #readGrantsOnce(partitions: readonly number[]): Promise<PartitionGrant[]> {
    const { topics, group } = this.#options;
    const [committed, ...bounds] = await Promise.all([
      this.#membership.groupLink().then((link) => readCommitted(link, group, topics, partitions)),
      ...topics.map((topic) => readLogBounds(this.#cluster, topic, partitions)),
    ]);
    return partitions.map((partition) => ({
      partition,
      committed: Object.fromEntries(topics.map((topic) => [topic, committed.get(topic)?.get(partition) ?? null])),
      log: Object.fromEntries(topics.map((topic, index) => [topic, bounds[index]?.get(partition) ?? { startOffset: 0, endOffset: 0 }])),
    }));
  }

  #unreadable(topic: string, partition: number, error: Error): void {
    if (this.#listener.unreadable === undefined || this.#closed) this.#trouble(error);
    else this.#listener.unreadable(topic, partition, error);
  }

  #trouble(error: Error): void {
    if (this.#closed) return;
    if (this.#started !== null && isMillraceError(error) && !error.retriable && error.code !== 'TOPIC_DRIFT') this.#started.reject(error);
    else this.#listener.trouble(error);
  }
}
