import { decodeSettled } from '../../shared/engine/commitMetadata.ts';
import { readBuriedRecord, readNotBeforeMs, readRetryRecord } from '../../shared/kafka/envelope.ts';
import type { FetchedRecord, OutgoingRecord, PartitionCommit } from '../../shared/kafka/port.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import type { MemoryCluster } from '../../shared/testing/index.ts';
import type { BuriedCopy, CommitSight } from '../guarantees/history.ts';
import type { Found } from './handlers.ts';
import type { JobPlan, KindPlan, Plan, PoisonPlan } from './plan.ts';
import type { SimulatedWorker } from './simulatedWorker.ts';
import type { Story } from './story.ts';
import { START_MS } from './time.ts';

/** A record of a main topic that carries a job of the plan. */
export interface Entry {
  readonly job: JobPlan;
  readonly kind: KindPlan;
  /** `queue/partition/offset`. */
  readonly place: string;
  readonly entity: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  /** It may not run earlier, epoch ms by the producer's clock. */
  readonly dueMs: number;
  /** The same job was appended before. */
  readonly isAgain: boolean;
  /** How often a redrive was carried out for it. */
  rounds: number;
  discarded: boolean;
  snoozes: number;
}

/** A redrive or discard that found its job. */
export interface Release {
  readonly place: string;
  readonly command: 'redrive' | 'discard';
  /** Witness lines that were written before it. */
  readonly lines: number;
}

/** A DLQ record, and whose. */
export interface Letter {
  readonly place: string | null;
  readonly queue: string;
  readonly copy: BuriedCopy;
}

interface QueueBook {
  readonly queue: string;
  readonly topics: ReturnType<typeof queueTopicNames>;
  readonly sights: CommitSight[];
  readonly partitions: { readonly settled: Set<number>; committed: number; epoch: number; seq: number }[];
}

const text = (bytes: Buffer | string | null): string | null => (bytes === null ? null : Buffer.from(bytes as Buffer).toString('base64'));

/** Follows what the brokers take: which record is which job, what waits, what is buried, what is committed. */
export class Ledger {
  readonly entries = new Map<string, Entry>();
  readonly bySerial = new Map<number, Entry[]>();
  readonly letters: Letter[] = [];
  readonly releases: Release[] = [];
  /** Places of jobs that ever had a waiting record that counted, as `partition/offset`, by queue. */
  readonly waited = new Map<string, Set<string>>();
  /** Places of records that can never run, and how their kind is delivered. */
  readonly poison = new Map<string, KindPlan['delivery']>();
  readonly breaches: string[] = [];
  /** When, by a count of events, a record said for good that a job is settled: its tombstone, or a commit where it never waited. */
  readonly settledAt = new Map<string, number>();
  /** By `queue/partition epoch`: when that owner had its say in the log. What was settled before, it must know. */
  readonly leasedAt = new Map<string, number>();
  readonly commanded = new Set<string>();
  #events = 0;
  /** Set while a record that can never run is appended. */
  appending: PoisonPlan | null = null;
  countLines: () => number = () => 0;
  /** Jobs whose enqueue has not been answered. */
  pendingEnqueues: number;
  readonly #plan: Plan;
  readonly #story: Story;
  readonly #cluster: MemoryCluster;
  readonly #books = new Map<string, QueueBook>();
  readonly #jobs: ReadonlyMap<number, JobPlan>;
  readonly #kinds: ReadonlyMap<string, KindPlan>;

  constructor(plan: Plan, story: Story, cluster: MemoryCluster) {
    this.#plan = plan;
    this.pendingEnqueues = plan.jobs.length;
    this.#story = story;
    this.#cluster = cluster;
    this.#jobs = new Map(plan.jobs.map((job) => [job.serial, job]));
    this.#kinds = new Map(plan.kinds.map((kind) => [kind.kind, kind]));
    for (const queue of new Set(plan.kinds.map((kind) => kind.queue))) {
      const partitions = Array.from({ length: plan.settings.partitions }, () => ({ settled: new Set<number>(), committed: 0, epoch: 0, seq: 0 }));
      const book = { queue, topics: queueTopicNames(queue), sights: [], partitions };
      for (const topic of Object.values<string>({ ...book.topics })) this.#books.set(topic, book);
      this.waited.set(queue, new Set());
    }
    cluster.inspect.watch({
      appended: (topic, partition, baseOffset, records) => { this.#appended(topic, partition, baseOffset, records); },
      committed: (group, memberId, commits) => { this.#committed(group, memberId, commits); },
    });
  }

  sightsOf(queue: string): readonly CommitSight[] {
    return this.#books.get(queue)?.sights ?? [];
  }

  find(queue: string, serial: number, at: { readonly partition: number; readonly offset: number } | null): Found {
    const entry = at === null ? this.bySerial.get(serial)?.[0] : this.entries.get(`${queue}/${at.partition}/${at.offset}`);
    if (entry === undefined) throw new Error(`job ${serial} runs, and no record of it was ever appended`);
    if (entry.job.serial !== serial) this.breaches.push(`wrong payload: ${entry.place} ran with the payload of job ${serial}`);
    return { entity: entry.entity, place: entry.place, offset: entry.offset, round: entry.rounds, fates: entry.job.fates, snoozes: entry.snoozes };
  }

  /** The client said that Kafka has it. */
  accepted({ serial }: JobPlan, { topic, partition, offset }: { readonly topic: string; readonly partition: number; readonly offset: number }): void {
    this.pendingEnqueues--;
    const place = `${topic}/${partition}/${offset}`;
    this.#story.tell('accept', { place, detail: `job ${serial}` });
    if (this.entries.get(place)?.job.serial !== serial) this.breaches.push(`lost when accepted: job ${serial} is said to be at ${place}`);
  }

  snoozed(place: string): void {
    const entry = this.entries.get(place);
    if (entry !== undefined) entry.snoozes++;
  }

  released(place: string, command: 'redrive' | 'discard', lines: number): void {
    this.releases.push({ place, command, lines });
    const entry = this.entries.get(place);
    if (entry === undefined) return;
    if (command === 'redrive') entry.rounds++;
    else entry.discarded = true;
  }

  /** Each partition has been open with one owner for as long as compaction leaves things alone. */
  isOwnedForLong(workers: readonly SimulatedWorker[]): boolean {
    const { partitions, compactionLagMs } = this.#plan.settings;
    const opened = new Map<string, number>();
    for (const line of this.#story.lines) {
      if (line.type === 'active') opened.set(`${line.worker} ${line.place}`, line.atMs);
    }
    const nowMs = this.#story.lines.at(-1)?.atMs ?? 0;
    const owned = new Set<string>();
    for (const { id, worker, alive, frozen, disconnected } of workers) {
      if (!alive || frozen || disconnected) continue;
      for (const runner of worker.runners) {
        for (const { number, phase, draining } of runner.engine.partitions.values()) {
          const place = `${runner.options.topics.main}/${number}`;
          if (phase === 'active' && !draining && nowMs - (opened.get(`${id} ${place}`) ?? nowMs) > compactionLagMs) owned.add(place);
        }
      }
    }
    return owned.size === partitions * this.waited.size;
  }

  #appended(topic: string, partition: number, baseOffset: number, records: readonly OutgoingRecord[]): void {
    const book = this.#books.get(topic);
    if (book === undefined) return;
    for (const [index, record] of records.entries()) {
      const offset = baseOffset + index;
      if (topic === book.topics.main) this.#mainAppended(book, partition, offset, record);
      else if (topic === book.topics.retry) this.#retryAppended(book, partition, offset, record);
      else if (topic === book.topics.dlq) this.#letterAppended(book, partition, offset, record);
    }
  }

  #mainAppended({ queue }: QueueBook, partition: number, offset: number, { key, value, headers }: OutgoingRecord): void {
    const place = `${queue}/${partition}/${offset}`;
    if (this.appending !== null) {
      this.poison.set(place, this.#kinds.get(this.appending.kind ?? '')?.delivery ?? 'at-least-once');
      this.#story.tell('append', { place, detail: 'poison' });
      return;
    }
    const job = this.#jobs.get(readSerial(value as Buffer));
    const kind = this.#kinds.get(job?.kind ?? '');
    if (job === undefined || kind === undefined) throw new Error(`${place} is no job of the plan`);
    const entity = job.entity ?? `none ${place}`;
    const entry = { job, kind, place, entity, partition, offset, key: text(key), value: text(value), dueMs: readNotBeforeMs(headers, START_MS) ?? 0, isAgain: this.bySerial.has(job.serial), rounds: 0, discarded: false, snoozes: 0 };
    this.entries.set(place, entry);
    this.bySerial.set(job.serial, [...(this.bySerial.get(job.serial) ?? []), entry]);
    this.#story.tell('append', { entity, place, detail: `job ${job.serial} ${job.kind}` });
  }

  #retryAppended({ queue, partitions }: QueueBook, partition: number, offset: number, record: OutgoingRecord): void {
    const read = readRetryRecord(asFetched(offset, record), queue, partition, 0);
    const state = partitions[partition] as QueueBook['partitions'][number];
    const place = `${queue}/${partition}`;
    switch (read.type) {
      case 'foreign':
        this.breaches.push(`foreign record: ${place}: ${read.flaw}`);
        return;
      case 'lease':
        if (read.epoch > state.epoch) {
          [state.epoch, state.seq] = [read.epoch, 0];
          this.leasedAt.set(`${place} ${read.epoch}`, this.#events++);
        }
        this.#story.tell('lease', { place, detail: `epoch ${read.epoch} of ${read.holder} at ${offset}` });
        return;
      case 'wait': {
        const origin = read.job.origin.offset;
        if (counts(state, read)) {
          this.waited.get(queue)?.add(`${partition}/${origin}`);
          this.settledAt.delete(`${place}/${origin}`);
        }
        const entry = this.entries.get(`${place}/${origin}`);
        this.#story.tell('wait', { ...(entry === undefined ? {} : { entity: entry.entity }), place: `${place}/${origin}`, attempt: read.waiting.attempt, detail: `${read.waiting.reason}, epoch ${read.epoch}.${read.seq} at ${offset}${read.waiting.dueMs > 0 ? `, due ${read.waiting.dueMs % 1e7}` : ''}` });
        return;
      }
      case 'tombstone':
      case 'void': {
        const entry = this.entries.get(`${place}/${read.origin.offset}`);
        if (counts(state, read) && read.type === 'tombstone') this.settledAt.set(`${place}/${read.origin.offset}`, this.#events++);
        this.#story.tell(read.type, { ...(entry === undefined ? {} : { entity: entry.entity }), place: `${place}/${read.origin.offset}`, detail: `epoch ${read.epoch}.${read.seq} at ${offset}` });
        return;
      }
      case 'command':
        this.commanded.add(`${place}/${read.job.origin.offset}`);
        this.#story.tell('command', { place: `${place}/${read.job.origin.offset}`, detail: `${read.command} ${read.key} at ${offset}` });
        return;
      case 'pause':
        this.#story.tell('command', { place, detail: `${read.on ? 'pause' : 'resume'} ${read.scope} at ${offset}` });
        return;
      case 'mark':
      case 'applied':
        counts(state, read);
        this.#story.tell('applied', { place, detail: `${read.key} epoch ${read.epoch}.${read.seq} at ${offset}` });
    }
  }

  #letterAppended({ queue }: QueueBook, partition: number, offset: number, record: OutgoingRecord): void {
    const read = readBuriedRecord(asFetched(offset, record));
    const origin = read?.job.origin;
    const place = origin?.topic === queue && origin.partition === partition ? `${queue}/${partition}/${origin.offset}` : null;
    const entry = this.entries.get(place ?? '');
    const main = place === null ? undefined : this.#cluster.inspect.records(queue, partition).find((one) => one.offset === origin?.offset);
    const copy: BuriedCopy = {
      id: place ?? `letter ${queue}/${partition}/${offset}`,
      attempts: read?.burial.attempt ?? -1,
      reason: read?.burial.reason ?? '',
      firstFailure: read?.burial.firstFailure?.code ?? null,
      lastFailure: read?.burial.failure?.code ?? null,
      copy: { key: text(read?.job.key ?? null), value: text(record.value) },
      // Retention may have taken it by now; then what was appended is known from its appending.
      origin: entry === undefined ? null : { key: entry.key, value: entry.value, timestampMs: main?.timestampMs ?? origin?.timestampMs ?? -1 },
      originTimestampMs: origin?.timestampMs ?? -1,
    };
    this.letters.push({ place, queue, copy });
    this.#story.tell('bury', { ...(entry === undefined ? {} : { entity: entry.entity }), place: copy.id, attempt: copy.attempts, detail: copy.reason });
  }

  #committed(group: string, memberId: string, commits: readonly PartitionCommit[]): void {
    for (const { partition, positions } of commits) {
      for (const { topic, offset, metadata } of positions) {
        const book = this.#books.get(topic);
        if (book === undefined || topic !== book.topics.main || group !== `millrace.${topic}`) continue;
        const state = book.partitions[partition] as QueueBook['partitions'][number];
        if (offset < state.committed) this.breaches.push(`commit fell: ${topic}/${partition} from ${state.committed} to ${offset} by ${memberId}`);
        const above = new Set<number>();
        const news = (settled: number): void => {
          if (!state.settled.has(settled)) above.add(settled);
          state.settled.add(settled);
        };
        for (let below = state.committed; below < offset; below++) news(below);
        for (const settled of decodeSettled(offset, metadata)) news(settled);
        state.committed = Math.max(state.committed, offset);
        if (above.size === 0) continue;
        this.#story.tell('commit', { place: `${topic}/${partition}/${offset}`, worker: memberId, detail: metadata });
        for (const one of above) if (this.waited.get(topic)?.has(`${partition}/${one}`) === false) this.settledAt.set(`${topic}/${partition}/${one}`, this.#events++);
        const waited = new Set([...above].map((one) => `${partition}/${one}`).filter((one) => this.waited.get(topic)?.has(one)));
        book.sights.push({ settled: new Map([[partition, { offset: 0, above }]]), waited, lines: this.countLines() });
      }
    }
  }
}

/** Whether an owner's word counts: no lower epoch than the one in force, and no repetition. */
function counts(state: { epoch: number; seq: number }, { epoch, seq }: { readonly epoch: number; readonly seq: number }): boolean {
  if (epoch < state.epoch || (epoch === state.epoch && seq <= state.seq)) return false;
  [state.epoch, state.seq] = [epoch, seq];
  return true;
}

function asFetched(offset: number, record: OutgoingRecord): FetchedRecord {
  return { offset, timestampMs: 0, key: record.key === null ? null : Buffer.from(record.key as Buffer), value: record.value, headers: record.headers };
}

/** The first field of the payload: a zigzag varint behind the wire format's five bytes. */
function readSerial(value: Buffer): number {
  let raw = 0;
  for (let at = 5, shift = 0; ; at++, shift += 7) {
    const byte = value[at] as number;
    raw |= (byte & 0x7f) << shift;
    if (byte < 0x80) return raw >>> 1;
  }
}
