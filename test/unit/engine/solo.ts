import type { DeadLetter, Effect, JobEvent, Publication, RoomWrite } from '../../../shared/engine/effects.ts';
import { Engine } from '../../../shared/engine/engine.ts';
import { defaultLimits, type EngineLimits } from '../../../shared/engine/engineOptions.ts';
import { commitFailed, committed, published, publishFailed, takeCommit, takePublications } from '../../../shared/engine/flush.ts';
import type { Job } from '../../../shared/engine/job.ts';
import type { Partition } from '../../../shared/engine/partition.ts';
import type { Outcome } from '../../../shared/jobs/outcome.ts';
import type { JobPolicy } from '../../../shared/jobs/policy.ts';
import { inputOfMain, type MainEntry, timestampOf } from './world/mainLog.ts';
import { payloadOf, roomRecordOf } from './world/records.ts';
import { MainLog } from './world/mainLog.ts';
import { BLANK, type LogEntry, type Sent } from './world/retryLog.ts';

export const plainPolicy: JobPolicy = {
  kind: 'plain', queue: 'q', order: 'strict', attempts: 3, backoff: { firstMs: 100, factor: 1, maxMs: 100, jitter: 0 },
  timeoutMs: null, whenBuried: 'continue', delivery: 'at-least-once', batch: null,
};

/** One engine that owns one partition, before a broker without faults; the test says when things happen. */
export class Solo {
  readonly engine: Engine<MainEntry>;
  readonly main = new MainLog();
  readonly log: LogEntry[] = [];
  readonly events: JobEvent[] = [];
  readonly letters: DeadLetter[] = [];
  readonly effects: Effect[] = [];
  readonly running: Job[] = [];
  committedOffset = -1;
  committedMain: { offset: number; metadata: string } | null = null;
  committedMetadata = '';
  committedRetry: { offset: number; metadata: string } | null = null;
  now = 1_000_000;
  /** Streams that the broker refuses. */
  readonly refused = new Set<Publication['stream']>();
  /** The group refuses commits. */
  fenced = false;
  readonly #policies: Map<string, JobPolicy>;
  #mainRead = 0;

  constructor(policies: readonly JobPolicy[] = [plainPolicy], limits: Partial<EngineLimits> = {}) {
    this.#policies = new Map(policies.map((policy) => [policy.kind, policy]));
    this.engine = new Engine<MainEntry>({
      limits: { ...defaultLimits, ...limits },
      workerId: 'w',
      policies: this.#policies,
      sizeOf: ({ bytes }) => bytes,
      parse: (entry) => inputOfMain(entry, this.#policies.get(entry.policy.kind) ?? null),
      recordBytes: (job) => job.bytes,
      retain: () => undefined,
      release: () => undefined,
      hasValue: (job, value) => job.value === value || (job.value !== null && value !== null && job.value.equals(value)),
      random: () => 0.5,
    });
  }

  get partition(): Partition {
    return this.engine.partitions.get(0) as Partition;
  }

  /** Takes the partition with what was committed and what the log holds, and opens it. */
  open(endOffset = 0, committedMain: { offset: number; metadata: string } | null = null, committedRetry: { offset: number; metadata: string } | null = null): this {
    this.engine.assigned({ partition: 0, main: { committed: committedMain, startOffset: 0 }, retry: { committed: committedRetry, startOffset: 0, endOffset } }, this.now);
    this.#mainRead = committedMain?.offset ?? 0;
    if (this.log.length > 0) this.engine.fetchedRetry(0, this.log.map((entry) => roomRecordOf(entry, this.main, this.#policies)), endOffset, this.now);
    this.flush();
    return this;
  }

  /** A record that nobody fetched yet. */
  enqueue(key: string, { kind = 'plain', offset = this.main.endOffset, id = `j${offset}`, notBeforeMs = 0, uniqueForMs = 0 }: { kind?: string; offset?: number; id?: string; notBeforeMs?: number; uniqueForMs?: number } = {}): number {
    this.main.add({ offset, timestampMs: timestampOf(offset), id, policy: this.#policies.get(kind) as JobPolicy, key: Buffer.from(key), notBeforeMs, poison: false, bytes: 100, uniqueForMs, readableAtMs: 0 });
    return offset;
  }

  /** Fetches what is new, up to `nextOffset`, and starts what may start. */
  fetch(nextOffset = this.main.endOffset): this {
    const records = this.main.entries.filter((entry) => entry.offset >= this.#mainRead);
    this.#mainRead = nextOffset;
    this.engine.fetchedMain(0, records, nextOffset, this.now);
    return this.start();
  }

  /** Somebody else's record lands in the log. */
  hear(entry: LogEntry): this {
    this.log.push(entry);
    this.engine.fetchedRetry(0, [roomRecordOf(entry, this.main, this.#policies)], entry.offset + 1, this.now);
    return this;
  }

  start(): this {
    for (const start of this.engine.takeStarts(this.now)) this.running.push(...('id' in start ? [start] : start));
    return this;
  }

  get runningOffsets(): number[] {
    return this.running.map((job) => job.offset);
  }

  end(offset: number, outcome: Outcome | 'interrupted' = { type: 'done' }): this {
    const at = this.running.findIndex((job) => job.offset === offset);
    const [job] = this.running.splice(at, 1);
    if (job === undefined || at < 0) throw new Error(`${offset} does not run`);
    this.engine.attemptEnded(job, outcome, this.now);
    return this.start();
  }

  /** Runs and ends all that starts, until nothing does. */
  runAll(): this {
    while (this.start().running.length > 0) for (const job of this.running.splice(0)) this.engine.attemptEnded(job, { type: 'done' }, this.now);
    return this;
  }

  later(ms: number): this {
    this.now += ms;
    this.engine.tick(this.now);
    return this.start();
  }

  /** Publishes, reads back and commits until there is nothing more to say. */
  flush(): this {
    for (let round = 0; round < 50; round++) {
      const publications = takePublications(this.engine, this.partition, this.now);
      for (const publication of publications) this.#publish(publication);
      const request = takeCommit(this.partition);
      if (request !== null) {
        if (this.fenced) commitFailed(request);
        else {
          this.committedOffset = request.main.offset;
          this.committedMain = request.main;
          this.committedMetadata = request.main.metadata;
          this.committedRetry = request.retry;
          committed(this.engine, request, this.now);
          this.engine.takeInBacklog(this.now);
        }
      }
      this.effects.push(...this.engine.takeEffects());
      if (publications.length === 0 && (request === null || this.fenced)) break;
    }
    return this.start();
  }

  #publish(publication: Publication): void {
    if (this.refused.has(publication.stream)) {
      publishFailed(this.partition, publication.stream, 'BROKER_UNAVAILABLE', this.now);
      return;
    }
    switch (publication.stream) {
      case 'events':
        this.events.push(...publication.items);
        break;
      case 'dlq':
        this.letters.push(...publication.items);
        break;
      case 'retry':
        this.#append(publication.items);
        break;
    }
    published(this.engine, this.partition, publication.stream, this.now);
  }

  /** An operator appends a command, and the owner reads it. */
  command(command: Sent['command'], origin: number, key = `${command}/${origin}/${this.log.length}`, redriven: number | null = null): this {
    return this.#land([{ ...BLANK, type: 'command', key, origin, command, redriven }]);
  }

  pause(scope: string, on = true): this {
    return this.#land([{ ...BLANK, type: 'pause', key: `pause/${this.log.length}`, scope, on }]);
  }

  /** This very record comes once more, at the end of the log. */
  read(entry: Sent): this {
    return this.#land([entry]);
  }

  /** A new owner, in a new engine, that has what was committed and the log. */
  successor(limits: Partial<EngineLimits> = {}): Solo {
    const next = new Solo([...this.#policies.values()], limits);
    for (const entry of this.main.entries) next.main.add(entry);
    next.now = this.now;
    next.log.push(...this.log);
    const point = this.committedMain;
    return next.open((this.log.at(-1)?.offset ?? -1) + 1, point).fetch();
  }

  #append(items: readonly RoomWrite[]): void {
    const payload = payloadOf({ stream: 'retry', items });
    if (payload.stream === 'retry') this.#land(payload.records);
  }

  #land(records: readonly Sent[]): this {
    const base = (this.log.at(-1)?.offset ?? -1) + 1;
    const entries = records.map((sent, at): LogEntry => ({ ...sent, offset: base + at, age: 0, valid: true }));
    this.log.push(...entries);
    this.engine.fetchedRetry(0, entries.map((entry) => roomRecordOf(entry, this.main, this.#policies)), base + entries.length, this.now);
    return this.start();
  }
}
