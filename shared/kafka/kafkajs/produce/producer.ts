import { MillraceError } from '../../../errors/MillraceError.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Compression } from '../../compression.ts';
import type { OutgoingRecord, Producer } from '../../port.ts';
import { request, type Cluster } from '../cluster.ts';
import { code, errorOfCode, errorOfFailure, isStaleLeaderCode, isTransientCode } from '../failure.ts';
import { retryDelayMs } from '../pause.ts';
import { encodeBatch } from '../recordBatch/encode.ts';
import { packBatch } from '../recordBatch/pack.ts';
import type { InitProducerIdReply } from '../replies.ts';
import { waitForTopics } from '../waitForTopics.ts';
import { letterBytes, Outbox, writeLetters, type Identity } from './outbox.ts';
import { decodeProduce, encodeProduce, type ProduceResult } from './produceRequest.ts';

export interface ProducerOptions {
  /** A call that is not acked after this is rejected with BROKER_UNAVAILABLE (later by at most one request's time limit). */
  readonly deliveryTimeoutMs: number;
  /** How long the broker may wait for the replicas' acks. */
  readonly ackTimeoutMs: number;
  readonly compression: Compression;
}

/** Bytes of one partition in one request: below the brokers' usual limit of 1 MiB a batch. */
const MAX_PARCEL_BYTES = 900_000;
/** A record above it came packed from its producer, or it would not be there; so must its copy travel. */
const PACK_ABOVE_BYTES = 1_000_000;
/** Bytes of one request. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** Requests under way at one broker: one travels while the next is written. */
const MAX_REQUESTS = 2;

/**
 * The port's producer. Calls wait in one outbox a topic-partition; whatever waits is sent at once when its broker is free, so a
 * lone call is not delayed and a crowd shares requests. One parcel of a partition travels at a time, which keeps its order. The
 * broker's answer is read partition by partition: a refused or stuck one touches nobody else.
 *
 * A parcel keeps its bytes, producer id and sequence number through every retry, so the broker appends it once. When it is given
 * up while its fate is unknown, its partition goes on under a new producer id: a sequence number is never used for other records.
 */
export class KafkajsProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #options: ProducerOptions;
  readonly #clock: Clock;
  readonly #outboxes = new Map<string, Outbox>();
  /** Those with something to send. */
  readonly #active = new Set<Outbox>();
  readonly #busy = new Map<string, number>();
  #state: 'new' | 'running' | 'closing' | 'closed' = 'new';
  #pumping = false;
  #cancelTimer: () => void = () => undefined;
  #refreshing: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #whenIdle: () => void = () => undefined;

  constructor(cluster: Cluster, options: ProducerOptions, clock: Clock) {
    this.#cluster = cluster;
    this.#options = options;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    await waitForTopics(this.#cluster, [], this.#clock);
  }

  send(topic: string, partition: number, records: readonly OutgoingRecord[]): Promise<{ baseOffset: number }> {
    if (this.#state !== 'running') return Promise.reject(new MillraceError('NOT_RUNNING', { at: 'producer' }));
    if (records.length === 0) return Promise.reject(new MillraceError('BROKER_REFUSED', { at: `${topic}/${partition}`, expected: 'at least one record' }));
    return new Promise((resolve, reject) => {
      const key = `${topic}/${partition}`;
      let outbox = this.#outboxes.get(key);
      if (outbox === undefined) {
        this.#outboxes.set(key, outbox = new Outbox(topic, partition, MAX_PARCEL_BYTES));
        this.#cluster.want([topic]);
      }
      const letter = { records, bytes: letterBytes(records), deadlineMs: this.#clock.monotonic() + this.#options.deliveryTimeoutMs, isOver: () => false, resolve, reject };
      outbox.waiting.push(...writeLetters(letter, MAX_PARCEL_BYTES));
      this.#active.add(outbox);
      this.#pumpSoon();
    });
  }

  async partitionCount(topic: string): Promise<number> {
    if (this.#state !== 'running') throw new MillraceError('NOT_RUNNING', { at: 'producer' });
    const known = this.#cluster.topic(topic);
    if (known !== undefined) {
      if (this.#cluster.stale) this.#refresh();
      return known.partitions;
    }
    return (await waitForTopics(this.#cluster, [topic], this.#clock)).get(topic) ?? 0;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'closing';
      const idle = new Promise<void>((resolve) => { this.#whenIdle = resolve; });
      this.#pumpSoon();
      await idle;
    }
    this.#state = 'closed';
    this.#cancelTimer();
    this.#cluster.close();
  }

  /** Once a turn of the event loop, so that calls for which it brought the cause together (64 requests over HTTP, say) travel together. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const nowMs = this.#clock.monotonic();
    let nextMs = Infinity;
    const groups = new Map<string, { leader: number; purpose: string; outboxes: Outbox[] }>();
    for (const outbox of this.#active) {
      if (outbox.travelling) continue;
      this.#expire(outbox, nowMs);
      if (outbox.idle) {
        this.#active.delete(outbox);
        continue;
      }
      const deadlineMs = outbox.parcel?.letters[0]?.deadlineMs ?? outbox.waiting[0]?.deadlineMs ?? Infinity;
      if (outbox.notBeforeMs > nowMs) {
        nextMs = Math.min(nextMs, outbox.notBeforeMs, deadlineMs);
        continue;
      }
      const leader = this.#cluster.topic(outbox.topic)?.leaders.get(outbox.partition);
      if (leader === undefined) {
        this.#findLeader(outbox);
        nextMs = Math.min(nextMs, outbox.notBeforeMs, deadlineMs);
        continue;
      }
      nextMs = Math.min(nextMs, deadlineMs);
      // What failed before travels apart, so that a partition whose replicas are stuck does not make the others wait.
      const purpose = (outbox.parcel?.attempts ?? 0) > 1 ? `apart${outbox.topic}${outbox.partition}` : 'produce';
      const group = groups.get(`${leader}/${purpose}`) ?? { leader, purpose, outboxes: [] };
      groups.set(`${leader}/${purpose}`, group);
      group.outboxes.push(outbox);
    }
    for (const [key, group] of groups) {
      const busy = this.#busy.get(key) ?? 0;
      if (busy >= MAX_REQUESTS) continue;
      this.#busy.set(key, busy + 1);
      void this.#ship(key, group.leader, group.purpose.startsWith('apart') ? 'apart' : 'produce', group.outboxes);
    }
    this.#cancelTimer();
    if (nextMs !== Infinity) this.#cancelTimer = this.#clock.after(Math.max(1, nextMs - nowMs), () => { this.#pumpSoon(); });
    if (this.#state === 'closing' && this.#active.size === 0) this.#whenIdle();
  }

  async #ship(key: string, leader: number, purpose: string, candidates: readonly Outbox[]): Promise<void> {
    const chosen: Outbox[] = [];
    let bytes = 0;
    for (const outbox of candidates) {
      if (bytes >= MAX_REQUEST_BYTES) break;
      outbox.travelling = true;
      chosen.push(outbox);
      bytes += outbox.nextBytes;
    }
    try {
      await this.#packAll(chosen);
      const link = await this.#cluster.link(leader, purpose);
      const parts = chosen.flatMap((outbox) => (outbox.parcel === null ? [] : [{ topic: outbox.topic, partition: outbox.partition, batch: outbox.parcel.batch }]));
      for (const { parcel } of chosen) if (parcel !== null) parcel.sent = true;
      const results = await link.requestRaw(encodeProduce(parts, this.#options.ackTimeoutMs), decodeProduce, this.#options.ackTimeoutMs + 2000);
      for (const outbox of chosen) this.#settle(outbox, results.find((result) => result.partition === outbox.partition && result.topic === outbox.topic));
    } catch (error) {
      for (const outbox of chosen) this.#postpone(outbox, errorOfFailure(error));
      this.#refresh();
    } finally {
      for (const outbox of chosen) outbox.travelling = false;
      const busy = (this.#busy.get(key) ?? 1) - 1;
      if (busy === 0) this.#busy.delete(key);
      else this.#busy.set(key, busy);
      this.#pumpSoon();
    }
  }

  async #packAll(outboxes: readonly Outbox[]): Promise<void> {
    if (outboxes.some((outbox) => outbox.identity === null)) {
      const identity = await this.#newIdentity();
      for (const outbox of outboxes) {
        if (outbox.identity !== null) continue;
        outbox.identity = identity;
        outbox.nextSequence = 0;
      }
    }
    const packing: Promise<void>[] = [];
    for (const outbox of outboxes) {
      const { identity } = outbox;
      if (outbox.parcel !== null || identity === null) continue;
      const letters = outbox.takeLetters();
      const records = letters.length === 1 ? (letters[0]?.records ?? []) : letters.flatMap((letter) => letter.records);
      const plain = encodeBatch(records, this.#clock.now(), { ...identity, firstSequence: outbox.nextSequence });
      const parcel = (batch: Buffer): void => { outbox.parcel = { letters, batch, records: records.length, sent: false, attempts: 0 }; };
      const compression = this.#compressionOf(plain);
      parcel(plain);
      if (compression !== 'none') packing.push(packBatch(plain, compression).then(parcel));
    }
    if (packing.length > 0) await Promise.all(packing);
  }

  #compressionOf(batch: Buffer): Compression {
    const { compression } = this.#options;
    return compression === 'none' && batch.length > PACK_ABOVE_BYTES ? 'gzip' : compression;
  }

  async #newIdentity(): Promise<Identity> {
    const reply = await request<InitProducerIdReply>(await this.#cluster.anyLink('control'), 'InitProducerId', { transactionTimeout: 60_000 });
    if (reply.errorCode !== 0) throw errorOfCode(reply.errorCode, { at: 'producer id' });
    return { producerId: BigInt(reply.producerId), producerEpoch: reply.producerEpoch };
  }

  #settle(outbox: Outbox, result: ProduceResult | undefined): void {
    const { parcel } = outbox;
    if (parcel === null) return;
    const errorCode = result?.errorCode ?? code.NETWORK_EXCEPTION;
    if (result !== undefined && errorCode === 0) {
      outbox.delivered(parcel);
      let baseOffset = result.baseOffset;
      for (const letter of parcel.letters) {
        letter.resolve({ baseOffset });
        baseOffset += letter.records.length;
      }
      return;
    }
    const at = `${outbox.topic}/${outbox.partition}`;
    if (isTransientCode(errorCode)) {
      if (isStaleLeaderCode(errorCode)) this.#refresh();
      this.#postpone(outbox, errorOfCode(errorCode, { at }));
    } else if (errorCode === code.OUT_OF_ORDER_SEQUENCE_NUMBER || errorCode === code.UNKNOWN_PRODUCER_ID || errorCode === code.INVALID_PRODUCER_EPOCH) {
      // The broker forgot this producer (its state expires): the same records go again under a new id.
      outbox.repack(parcel);
      this.#postpone(outbox, errorOfCode(errorCode, { at }));
    } else if (errorCode === code.DUPLICATE_SEQUENCE_NUMBER) {
      this.#giveUp(outbox, new MillraceError('BROKER_UNAVAILABLE', { at, got: 'an ack without an offset' }), false);
    } else {
      // Nothing of it was appended, and one letter, or the size of all, is to blame.
      const tooLarge = errorCode === code.MESSAGE_TOO_LARGE || errorCode === code.RECORD_LIST_TOO_LARGE;
      if (parcel.letters.length > 1 || (tooLarge && parcel.records > 1)) outbox.splitUp(parcel, tooLarge);
      else this.#giveUp(outbox, errorOfCode(errorCode, { at }), true);
    }
  }

  #postpone(outbox: Outbox, error: MillraceError): void {
    const attempts = (outbox.parcel?.attempts ?? 0) + 1;
    if (outbox.parcel !== null) outbox.parcel.attempts = attempts;
    const nowMs = this.#clock.monotonic();
    outbox.notBeforeMs = nowMs + retryDelayMs(attempts);
    const deadlineMs = outbox.parcel?.letters[0]?.deadlineMs ?? Infinity;
    if (!error.retriable && error.code !== 'TOPIC_MISSING') this.#giveUp(outbox, error, false);
    else if (deadlineMs <= nowMs) this.#giveUp(outbox, new MillraceError('BROKER_UNAVAILABLE', { at: `${outbox.topic}/${outbox.partition}`, cause: error }), false);
  }

  /** Rejects the parcel's calls, or all that wait when there is no parcel. @param fateKnown the broker said that it appended nothing */
  #giveUp(outbox: Outbox, error: MillraceError, fateKnown: boolean): void {
    const { parcel } = outbox;
    if (parcel !== null) outbox.givenUp(parcel, fateKnown);
    for (const letter of parcel?.letters ?? outbox.waiting.splice(0)) letter.reject(error);
    outbox.dropRejected();
  }

  /** Rejects what waited too long without having been sent, and gives up a parcel whose time is over. */
  #expire(outbox: Outbox, nowMs: number): void {
    const error = (): MillraceError => new MillraceError('BROKER_UNAVAILABLE', { at: `${outbox.topic}/${outbox.partition}`, got: `no ack within ${this.#options.deliveryTimeoutMs} ms` });
    if (outbox.parcel !== null && (outbox.parcel.letters[0]?.deadlineMs ?? Infinity) <= nowMs) this.#giveUp(outbox, error(), false);
    while (outbox.waiting[0] !== undefined && outbox.waiting[0].deadlineMs <= nowMs) outbox.waiting.shift()?.reject(error());
    outbox.dropRejected();
  }

  #findLeader(outbox: Outbox): void {
    outbox.notBeforeMs = this.#clock.monotonic() + retryDelayMs(1);
    const view = this.#cluster.topic(outbox.topic);
    if (view !== undefined && outbox.partition < view.partitions) return this.#refresh();
    waitForTopics(this.#cluster, [outbox.topic], this.#clock).then((counts) => {
      const count = counts.get(outbox.topic) ?? 0;
      if (outbox.partition >= count) throw new MillraceError('TOPIC_MISSING', { at: `${outbox.topic}/${outbox.partition}`, expected: `one of ${count} partitions` });
    }).catch((error: unknown) => {
      if (!outbox.travelling && !errorOfFailure(error).retriable) this.#giveUp(outbox, errorOfFailure(error), false);
    }).finally(() => {
      outbox.notBeforeMs = 0;
      this.#pumpSoon();
    });
    outbox.notBeforeMs = Infinity;
  }

  #refresh(): void {
    this.#refreshing ??= this.#cluster.refresh().catch(() => undefined).finally(() => {
      this.#refreshing = null;
      this.#pumpSoon();
    });
  }
}
