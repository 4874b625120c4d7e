import { isMillraceError, MillraceError } from '../../../errors/MillraceError.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { request, type Cluster } from '../cluster.ts';
import { code, errorOfCode, errorOfFailure } from '../failure.ts';
import type { Link } from '../link.ts';
import { retryDelayMs, Sleeper } from '../pause.ts';
import type { ErrorReply, JoinGroupReply, SyncGroupReply } from '../replies.ts';
import { assignPartitions, type MemberShare } from './assignPartitions.ts';
import { Coordinator } from './coordinator.ts';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, PROTOCOL_NAME } from './memberData.ts';

export interface MembershipOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Told to whoever describes the group. */
  readonly kinds: readonly string[] | null;
}

/** What the member's owner answers and hears. Calls are synchronous. */
export interface MembershipOwner {
  /** Partition numbers to claim in the next join: all that it owns, drains or is about to get. */
  claims(): readonly number[];
  /** It is about to leave, and wants no more partitions. */
  retiring(): boolean;
  /** A round ended: what this member owns in the group's eyes. */
  shared(share: MemberShare): void;
  /** The membership ended without notice; everything owned is gone. */
  lost(): void;
  trouble(error: Error): void;
}

type Phase = 'outside' | 'joining' | 'syncing' | 'stable';

/**
 * One member of a consumer group, by Kafka's classic protocol: joins, answers rebalances, leads when elected, keeps the session
 * alive. Joins and syncs go over their own link, because a broker answers one request of a connection at a time and a join may
 * wait for other members; heartbeats and commits use the link `group` beside it and never stop. So nobody has to stand still for
 * a rebalance. A join's link lives for one round: an idle one may be dead unnoticed, and a join has the longest time limit of all.
 *
 * The member is sure of its place only as long as the coordinator confirmed it within the session timeout; after that it says
 * `lost` by itself, since others may have been given its partitions.
 */
export class Membership {
  readonly #cluster: Cluster;
  readonly #options: MembershipOptions;
  readonly #owner: MembershipOwner;
  readonly #clock: Clock;
  readonly #sleeper: Sleeper;
  readonly #coordinator: Coordinator;
  #phase: Phase = 'outside';
  #memberId = '';
  #generation = -1;
  /** The last generation whose share was taken over; travels with the claims. */
  #confirmedGeneration = -1;
  #joinLink: Link | null = null;
  #aliveUntilMs = Infinity;
  #rejoin = true;
  /** What this member gave out when it led the last round; null: another member did. */
  #led: { readonly topics: ReadonlySet<string>; readonly partitions: number } | null = null;
  #stopping = false;
  #running: Promise<void> | null = null;
  #cancelHeartbeat: () => void = () => undefined;
  #heartbeatUnderWay = false;
  #heartbeatFailing = false;
  #lastSeenMs = 0;

  constructor(cluster: Cluster, options: MembershipOptions, owner: MembershipOwner, clock: Clock) {
    this.#cluster = cluster;
    this.#options = options;
    this.#owner = owner;
    this.#clock = clock;
    this.#sleeper = new Sleeper(clock);
    this.#coordinator = new Coordinator(cluster, options.group);
  }

  get lastSeenMs(): number {
    return this.#lastSeenMs;
  }

  start(): void {
    this.#running ??= this.#run();
    this.#scheduleHeartbeat(this.#options.heartbeatIntervalMs);
  }

  /** Makes the member join again, with its claims of that moment. */
  requestRejoin(): void {
    this.#rejoin = true;
    this.#sleeper.wake();
  }

  /** Who commits, and over which link. @throws MillraceError BROKER_FENCED when it is no member now, BROKER_UNAVAILABLE */
  async commitAs(): Promise<{ readonly memberId: string; readonly generation: number; readonly link: Link }> {
    this.#expireIfSilent();
    const [memberId, generation] = [this.#memberId, this.#generation];
    if (generation < 0) throw new MillraceError('BROKER_FENCED', { at: this.#options.group, got: 'no membership' });
    return { memberId, generation, link: await this.#coordinator.link('group') };
  }

  /** The link over which the coordinator answers quickly. @throws MillraceError BROKER_UNAVAILABLE, BROKER_REFUSED */
  groupLink(): Promise<Link> {
    return this.#coordinator.link('group');
  }

  /** Turns a group error of a commit into the port's error, and acts on what it says of the membership. */
  commitRefused(errorCode: number, as: { readonly memberId: string; readonly generation: number }): MillraceError {
    this.#coordinator.heard(errorCode);
    if (errorCode === code.REBALANCE_IN_PROGRESS) return new MillraceError('BROKER_REBALANCING', { at: this.#options.group });
    if (errorCode !== code.ILLEGAL_GENERATION && errorCode !== code.UNKNOWN_MEMBER_ID) return errorOfCode(errorCode, { at: `commit of ${this.#options.group}` });
    // Refused for its generation while a new one is being made: the owner may try again in that one. Else the membership is over.
    if (this.#phase !== 'stable' || as.generation !== this.#generation || as.memberId !== this.#memberId) return new MillraceError('BROKER_REBALANCING', { at: this.#options.group });
    this.#lose(errorCode);
    return new MillraceError('BROKER_FENCED', { at: this.#options.group });
  }

  /** A sign of life that came with another reply of the coordinator. */
  confirmAlive(sentAtMs: number): void {
    this.#aliveUntilMs = Math.max(this.#aliveUntilMs, sentAtMs + this.#options.sessionTimeoutMs);
    this.#lastSeenMs = this.#clock.now();
  }

  /** Tells the group that the member goes, and ends. Idempotent. */
  async leave(): Promise<void> {
    this.#stopping = true;
    this.#cancelHeartbeat();
    this.#sleeper.wake();
    if (this.#memberId !== '') {
      try {
        const link = await this.#coordinator.link('group');
        await request<ErrorReply>(link, 'LeaveGroup', { groupId: this.#options.group, memberId: this.#memberId });
      } catch {
        // Then its session runs out.
      }
    }
    this.#phase = 'outside';
    this.#memberId = '';
    this.#generation = -1;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping) {
      if (!this.#rejoin && this.#phase === 'stable') {
        await this.#sleeper.sleep(60_000);
        continue;
      }
      try {
        await this.#joinAndSync();
        failures = 0;
      } catch (error) {
        if (this.#stopping) return;
        failures++;
        this.#rejoin = true;
        if (!isMillraceError(error, 'BROKER_REBALANCING')) this.#owner.trouble(errorOfFailure(error, { at: `group ${this.#options.group}` }));
        await this.#sleeper.sleep(retryDelayMs(failures));
      }
    }
  }

  async #joinAndSync(): Promise<void> {
    const link = await this.#coordinator.link('join');
    this.#joinLink = link;
    try {
      await this.#joinAndSyncOver(link);
    } finally {
      link.close();
      this.#joinLink = null;
    }
  }

  async #joinAndSyncOver(link: Link): Promise<void> {
    const joined = await this.#join(link);
    this.#phase = 'syncing';
    this.#led = null;
    const groupAssignment = joined.leaderId === joined.memberId ? await this.#lead(joined) : [];
    const sentAtMs = this.#clock.monotonic();
    const reply = await request<SyncGroupReply>(link, 'SyncGroup', { groupId: this.#options.group, generationId: joined.generationId, memberId: joined.memberId, groupAssignment });
    if (this.#stopping || this.#generation !== joined.generationId) return;
    if (reply.errorCode !== 0) throw this.#refused(reply.errorCode);
    this.confirmAlive(sentAtMs);
    this.#phase = 'stable';
    this.#confirmedGeneration = joined.generationId;
    this.#owner.shared(decodeAssignment(reply.memberAssignment));
  }

  async #join(link: Link): Promise<JoinGroupReply> {
    this.#phase = 'joining';
    this.#rejoin = false;
    const { group, topics, sessionTimeoutMs, rebalanceTimeoutMs, kinds } = this.#options;
    const metadata = encodeSubscription(topics, { owned: this.#owner.claims(), generation: this.#confirmedGeneration, retiring: this.#owner.retiring() }, kinds);
    const payload = { groupId: group, sessionTimeout: sessionTimeoutMs, rebalanceTimeout: rebalanceTimeoutMs, protocolType: 'consumer', groupProtocols: [{ name: PROTOCOL_NAME, metadata }] };
    for (;;) {
      const reply = await request<JoinGroupReply>(link, 'JoinGroup', { ...payload, memberId: this.#memberId });
      if (this.#stopping) throw new MillraceError('NOT_RUNNING');
      if (reply.errorCode === code.MEMBER_ID_REQUIRED) {
        this.#memberId = reply.memberId;
        continue;
      }
      if (reply.errorCode !== 0) throw this.#refused(reply.errorCode);
      this.#memberId = reply.memberId;
      this.#generation = reply.generationId;
      // A join that is answered starts the session anew.
      this.#aliveUntilMs = this.#clock.monotonic() + sessionTimeoutMs;
      this.#lastSeenMs = this.#clock.now();
      return reply;
    }
  }

  async #lead(joined: JoinGroupReply): Promise<{ memberId: string; memberAssignment: Buffer }[]> {
    const members = joined.members.map((member) => ({ memberId: member.memberId, ...decodeSubscription(member.memberId, member.memberMetadata) }));
    const everyTopic = new Set(members.flatMap((member) => member.topics));
    this.#cluster.want(everyTopic);
    await this.#cluster.refresh();
    const counts = [...everyTopic].map((topic) => this.#cluster.topic(topic)?.partitions ?? 0);
    if (new Set(counts).size > 1) this.#owner.trouble(new MillraceError('TOPIC_DRIFT', { at: [...everyTopic].join(', '), expected: 'equal partition numbers', got: counts.join(', ') }));
    const claims = members.filter((member) => member.topics.length > 0).map((member) => member.claim);
    const partitions = counts.length === 0 ? 0 : Math.min(...counts);
    this.#led = { topics: everyTopic, partitions };
    const shares = assignPartitions(partitions, claims);
    return members.map(({ memberId, topics }) => ({ memberId, memberAssignment: encodeAssignment(topics, shares.get(memberId) ?? { partitions: [], voided: [] }) }));
  }

  /** What an error of join or sync means: the membership may be over; in any case another round follows. */
  #refused(errorCode: number): MillraceError {
    this.#coordinator.heard(errorCode);
    if (errorCode === code.UNKNOWN_MEMBER_ID || errorCode === code.ILLEGAL_GENERATION) this.#lose(errorCode);
    return errorCode === code.REBALANCE_IN_PROGRESS ? new MillraceError('BROKER_REBALANCING', { at: this.#options.group }) : errorOfCode(errorCode, { at: `group ${this.#options.group}` });
  }

  #scheduleHeartbeat(delayMs: number): void {
    if (this.#stopping) return;
    this.#cancelHeartbeat = this.#clock.after(delayMs, () => {
      this.#scheduleHeartbeat(this.#options.heartbeatIntervalMs);
      this.#expireIfSilent();
      this.#watchForPartitions();
      if (this.#heartbeatUnderWay) return;
      if (this.#generation < 0) {
        if (this.#joinLink !== null) this.#askCoordinator(this.#joinLink);
        return;
      }
      this.#heartbeatUnderWay = true;
      this.#heartbeat().then(() => { this.#heartbeatFailing = false; }, (error: unknown) => {
        // Once an outage: joins and fetches tell of its length.
        if (!this.#stopping && !this.#heartbeatFailing) this.#owner.trouble(errorOfFailure(error, { at: `heartbeat of ${this.#options.group}` }));
        this.#heartbeatFailing = true;
      }).finally(() => { this.#heartbeatUnderWay = false; });
    });
  }

  /** Nobody tells a group that its topics have more partitions: its leader looks now and then, and gives them out in another round. */
  #watchForPartitions(): void {
    if (this.#phase !== 'stable' || this.#led === null) return;
    if (this.#cluster.stale) this.#cluster.refresh().catch(() => undefined); // the next heartbeat asks again
    const counts = [...this.#led.topics].map((topic) => this.#cluster.topic(topic)?.partitions ?? 0);
    if (Math.min(...counts) > this.#led.partitions) this.requestRejoin();
  }

  async #heartbeat(): Promise<void> {
    const [memberId, generation] = [this.#memberId, this.#generation];
    const link = await this.#coordinator.link('group');
    const sentAtMs = this.#clock.monotonic();
    const { errorCode } = await request<ErrorReply>(link, 'Heartbeat', { groupId: this.#options.group, memberId, groupGenerationId: generation });
    if (this.#stopping || generation !== this.#generation || memberId !== this.#memberId) return;
    if (errorCode === 0 || errorCode === code.REBALANCE_IN_PROGRESS) this.confirmAlive(sentAtMs);
    if (this.#phase !== 'stable') return; // join and sync say themselves how they end
    if (errorCode === code.REBALANCE_IN_PROGRESS) this.requestRejoin();
    else if (errorCode === code.UNKNOWN_MEMBER_ID || errorCode === code.ILLEGAL_GENERATION) this.#lose(errorCode);
    else this.#coordinator.heard(errorCode);
  }

  /**
   * A join may wait for other members for most of a minute, and a first one has no heartbeats beside it that would notice a coordinator, or a
   * network, gone silent meanwhile. A question that is answered at once takes their place: unanswered, all silent links are given up.
   */
  #askCoordinator(joinLink: Link): void {
    this.#heartbeatUnderWay = true;
    this.#coordinator.hasMoved()
      .then((moved) => { if (moved) joinLink.close(); }) // nobody there will answer
      .catch(() => undefined) // the join itself fails, and tells
      .finally(() => { this.#heartbeatUnderWay = false; });
  }

  #expireIfSilent(): void {
    if (this.#generation >= 0 && this.#clock.monotonic() > this.#aliveUntilMs) this.#lose(null);
  }

  /** @param errorCode what the coordinator said; null: it said nothing for too long */
  #lose(errorCode: number | null): void {
    if (errorCode === code.UNKNOWN_MEMBER_ID) this.#memberId = '';
    this.#generation = -1;
    this.#confirmedGeneration = -1;
    this.#aliveUntilMs = Infinity;
    if (this.#phase === 'stable') this.#phase = 'outside';
    if (errorCode === null) this.#joinLink?.close(); // what it waits for will not come
    this.#owner.lost();
    this.requestRejoin();
  }
}
