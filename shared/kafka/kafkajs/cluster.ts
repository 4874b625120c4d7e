import { MillraceError } from '../../errors/MillraceError.ts';
import type { Clock } from '../../runtime/clock.ts';
import { code, errorOfCode, errorOfFailure, isTransportFailure } from './failure.ts';
import { Link, type Access } from './link.ts';
import type { MetadataReply } from './replies.ts';

interface Address { readonly host: string; readonly port: number }

export interface TopicView {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Leader's node id by partition number; a partition without a leader is absent. */
  readonly leaders: ReadonlyMap<number, number>;
}

/** Partitions that are added are noticed within this time. */
const METADATA_MAX_AGE_MS = 60_000;
/** A broker that said nothing is asked last for so long, where any will do. */
const AVOIDED_FOR_MS = 10_000;

/**
 * What one client knows of a cluster (brokers, topics, leaders), and its links. A link is named by node and purpose: a broker
 * answers one request of a connection at a time, so what may wait long (a join, a fetch) must not stand before what may not
 * (a commit). Nothing here retries: callers do, with their own limits.
 *
 * A frozen broker, and a network that swallows packets, break no connection: each request has to find out by its time limit. So what
 * the first finds out holds for all: links to the same address that have been as silent are given up with it.
 */
export class Cluster {
  readonly #access: Access;
  readonly #bootstrap: readonly Address[];
  readonly #clock: Clock;
  readonly #requestTimeoutMs: number;
  readonly #metadataMaxAgeMs: number;
  /** By address and purpose. */
  readonly #links = new Map<string, { readonly opening: Promise<Link>; link: Link | null }>();
  readonly #wanted = new Set<string>();
  /** When an address last failed to answer in time, monotonic ms. */
  readonly #silentAtMs = new Map<string, number>();
  readonly #topics = new Map<string, TopicView>();
  #nodes = new Map<number, Address>();
  #controller = -1;
  #refreshing: Promise<void> | null = null;
  #refreshedAtMs = -Infinity;
  #closed = false;

  /** @param brokers "host:port", any that can be reached @param requestTimeoutMs the time limit of a request, where it names none */
  constructor(brokers: readonly string[], access: Access, clock: Clock, requestTimeoutMs: number, metadataMaxAgeMs = METADATA_MAX_AGE_MS) {
    this.#bootstrap = brokers.map(parseAddress);
    this.#access = access;
    this.#clock = clock;
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#metadataMaxAgeMs = metadataMaxAgeMs;
  }

  /** What the last refresh said of a topic; undefined when it did not exist then, or was not asked for. */
  topic(name: string): TopicView | undefined {
    return this.#topics.get(name);
  }

  get controller(): number {
    return this.#controller;
  }

  get stale(): boolean {
    return this.#clock.monotonic() - this.#refreshedAtMs > this.#metadataMaxAgeMs;
  }

  /** Adds topics to what refreshes ask for. */
  want(topics: Iterable<string>): void {
    for (const topic of topics) this.#wanted.add(topic);
  }

  forget(topic: string): void {
    this.#wanted.delete(topic);
    this.#topics.delete(topic);
  }

  /** Asks for the wanted topics. Calls made while one is under way share the next one. @throws MillraceError BROKER_UNAVAILABLE, BROKER_REFUSED */
  async refresh(): Promise<void> {
    const running = this.#refreshing;
    if (running !== null) await running.catch(() => undefined);
    this.#refreshing ??= this.#refresh().finally(() => { this.#refreshing = null; });
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const asked = [...this.#wanted];
    const link = await this.anyLink('control');
    const reply = await request<MetadataReply>(link, 'Metadata', { topics: asked, allowAutoTopicCreation: false });
    this.#nodes = new Map(reply.brokers.map((broker) => [broker.nodeId, { host: broker.host, port: broker.port }]));
    this.#controller = reply.controllerId;
    const seen = new Set<string>();
    for (const { topic, topicErrorCode, partitionMetadata } of reply.topicMetadata) {
      // Asked for no topic, a broker lists every one; what nobody wants would grow stale here.
      if (!this.#wanted.has(topic) || (topicErrorCode !== 0 && topicErrorCode !== code.LEADER_NOT_AVAILABLE)) continue;
      seen.add(topic);
      const leaders = new Map<number, number>();
      for (const partition of partitionMetadata) if (partition.leader >= 0) leaders.set(partition.partitionId, partition.leader);
      this.#topics.set(topic, { partitions: partitionMetadata.length, replicationFactor: partitionMetadata[0]?.replicas.length ?? 0, leaders });
    }
    for (const topic of asked) if (!seen.has(topic)) this.#topics.delete(topic);
    this.#refreshedAtMs = this.#clock.monotonic();
    this.#dropMovedLinks();
  }

  #dropMovedLinks(): void {
    const addresses = new Set([...this.#bootstrap, ...this.#nodes.values()].map(textOf));
    for (const [key, { opening }] of this.#links) {
      if (addresses.has(key.slice(0, key.indexOf('/')))) continue;
      this.#links.delete(key);
      opening.then((link) => { link.close(); }, () => undefined);
    }
  }

  /**
   * The link to a node for a purpose, opened when there is none. To a node that fell silent, only after the others were asked whether it
   * still is the one to ask: a frozen broker takes connections, and each would wait for its answer in vain.
   * @throws MillraceError BROKER_UNAVAILABLE, BROKER_REFUSED
   */
  async link(nodeId: number, purpose: string): Promise<Link> {
    // A coordinator is told by its number: it may be one that nobody has asked about yet.
    if (!this.#nodes.has(nodeId)) await this.refresh();
    const address = this.#nodes.get(nodeId);
    if (address === undefined) throw new MillraceError('BROKER_UNAVAILABLE', { at: `broker ${nodeId}`, got: 'a broker that the cluster does not list' });
    if ((this.#silentAtMs.get(textOf(address)) ?? -Infinity) > this.#refreshedAtMs) {
      await this.refresh();
      throw new MillraceError('BROKER_UNAVAILABLE', { at: `broker ${nodeId}`, got: 'a broker that fell silent' });
    }
    return this.#open(address, purpose);
  }

  /** A link to any broker: one that is open, else known brokers, else the bootstrap list, each tried once; those last that were silent of late. */
  async anyLink(purpose: string): Promise<Link> {
    for (const [key, { link }] of this.#links) if (key.endsWith(`/${purpose}`) && link?.usable === true) return link;
    const nodes = [...this.#nodes.values()];
    shuffle(nodes);
    const candidates = [...new Map([...nodes, ...this.#bootstrap].map((address) => [textOf(address), address])).values()];
    const nowMs = this.#clock.monotonic();
    const isAvoided = (address: Address): boolean => nowMs - (this.#silentAtMs.get(textOf(address)) ?? -Infinity) < AVOIDED_FOR_MS;
    candidates.sort((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)));
    let last: unknown;
    for (const address of candidates) {
      try {
        return await this.#open(address, purpose);
      } catch (error) {
        last = error;
        if (error instanceof MillraceError && !error.retriable) break;
      }
    }
    throw last;
  }

  async #open(address: Address, purpose: string): Promise<Link> {
    const key = `${textOf(address)}/${purpose}`;
    if (this.#closed) throw new MillraceError('NOT_RUNNING', { at: 'Kafka client' });
    const known = this.#links.get(key);
    if (known !== undefined && (known.link === null || known.link.usable)) return known.opening;
    known?.link?.close();
    const startedMs = this.#clock.monotonic();
    const silent = (sinceMs: number): void => { this.#giveUpSilent(textOf(address), sinceMs); };
    const opening = Link.open(this.#access, address.host, address.port, { clock: this.#clock, requestTimeoutMs: this.#requestTimeoutMs, silent }).then((link) => {
      if (this.#closed) link.close();
      entry.link = link;
      return link;
    }, (error: unknown) => {
      if (this.#links.get(key) === entry) this.#links.delete(key);
      if (this.#clock.monotonic() - startedMs >= this.#access.connectTimeoutMs) silent(startedMs);
      throw errorOfFailure(error, { at: textOf(address) });
    });
    const entry = { opening, link: null as Link | null };
    this.#links.set(key, entry);
    return opening;
  }

  #giveUpSilent(address: string, sinceMs: number): void {
    this.#silentAtMs.set(address, this.#clock.monotonic());
    for (const [key, { link }] of this.#links) {
      if (key.startsWith(`${address}/`) && link?.heardSince(sinceMs) === false) link.close();
    }
  }

  /** Closes every link; requests under way are rejected. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { opening } of this.#links.values()) opening.then((link) => { link.close(); }, () => undefined);
    this.#links.clear();
  }
}

/** A request whose failures come as MillraceErrors. */
export async function request<Reply extends object>(link: Link, api: string, payload: object): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await link.request<Reply>(api, payload);
  } catch (error) {
    throw isTransportFailure(error) ? errorOfFailure(error, { at: `${api} to ${link.address}` }) : errorOfFailure(error);
  }
  return reply;
}

/** Throws when a reply carries an error of its own. */
export function failOnError(errorCode: number, at: string): void {
  if (errorCode !== 0) throw errorOfCode(errorCode, { at });
}

function parseAddress(text: string): Address {
  const match = /^(?:.*:\/\/)?\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.trim());
  if (match?.[1] === undefined) throw new MillraceError('BAD_CONFIG', { at: 'brokers', expected: '"host:port"', got: text });
  return { host: match[1], port: Number(match[2]) };
}

function textOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

function shuffle(list: unknown[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
}
