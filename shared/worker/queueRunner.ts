import { recordBytes } from '../bodies/bodyOf.ts';
import { KeptBodies } from '../bodies/keptBodies.ts';
import { Engine } from '../engine/engine.ts';
import type { Effect } from '../engine/effects.ts';
import type { Job, JobInput } from '../engine/job.ts';
import type { Start } from '../engine/startQueue.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Outcome } from '../jobs/outcome.ts';
import type { Consumer, FetchedBatch, FetchedRecord, PartitionGrant } from '../kafka/port.ts';
import { Attempts } from './attempts.ts';
import { awaitLock } from './awaitLock.ts';
import { ClaimedJobs } from './claimedJobs.ts';
import { CommitLoop } from './commitLoop.ts';
import { Drains } from './drains.ts';
import { Publisher } from './publisher.ts';
import { Pulse, type PulseReading } from './pulse.ts';
import type { QueueRunnerOptions } from './queueRunnerOptions.ts';
import { QueueTimers } from './queueTimers.ts';
import { grantOf } from './readGrant.ts';
import { readMainRecord, readRoomRecords, type ReadContext } from './readRecords.ts';
import { renewReign } from './renewReign.ts';
import { SandboxWaits } from './sandboxWaits.ts';
import { SchemaLoads } from './schemaLoads.ts';

/** Jobs begun in one go before other work gets its turn: heartbeats and fetches live on the same event loop. */
const STARTS_PER_TURN = 1024;

/**
 * Runs one queue on one worker: performs what the engine decides against Kafka, and tells it what happened. All decisions are the
 * engine's; here is only I/O, timers, and the order in which they meet.
 */
export class QueueRunner {
  readonly options: QueueRunnerOptions;
  readonly engine: Engine<FetchedRecord>;
  /** End of each main partition as the last fetch told it; for the lag. */
  readonly highWatermarks = new Map<number, number>();
  /** What its waiting jobs carry. */
  readonly bodies: KeptBodies;
  readonly #consumer: Consumer;
  readonly #attempts: Attempts;
  readonly #publisher: Publisher;
  readonly #commits: CommitLoop;
  readonly #schemas: SchemaLoads;
  readonly #claimed: ClaimedJobs;
  readonly #context: ReadContext;
  readonly #pulse: Pulse;
  readonly #drains: Drains;
  readonly #timers: QueueTimers;
  #pumpQueued = false;
  #closed = false;

  constructor(options: QueueRunnerOptions) {
    this.options = options;
    const { handled, codec, clock, topics } = options;
    const policies = new Map([...handled].map(([kind, { definition }]) => [kind, definition.policy]));
    this.#context = { topic: topics.main, policies, codec };
    this.#schemas = new SchemaLoads(codec, clock, options.random, (id) => { options.observer.schemaUnavailable(id); });
    this.bodies = new KeptBodies({
      openSpill: options.spill?.open ?? null, spillOverBytes: options.spill?.overBytes ?? Infinity, tidyFromBytes: options.spill?.tidyFromBytes, clock,
      failed: (error, againMs) => { options.observer.spillFailed?.(error, againMs); },
      freed: () => { this.engine.takeInBacklog(clock.now()); this.#queuePump(); },
      lost: (partition) => { this.engine.renew(partition); this.#queuePump(); },
    });
    this.engine = new Engine<FetchedRecord>({
      limits: options.limits,
      workerId: options.workerId,
      policies,
      random: options.random,
      recordBytes,
      retain: this.bodies.retain,
      release: this.bodies.release,
      hasValue: this.bodies.hasValue,
      parse: (record, partition, now) => this.#parse(record, partition, now),
      sizeOf: ({ value, packedHeaders }) => (value?.length ?? 0) + (packedHeaders?.bytes ?? 0),
    });
    this.bodies.serve(this.engine);
    this.#claimed = new ClaimedJobs({
      fetches: options.claimFetches, missingBoundMs: options.claimMissingBoundMs, codec, clock, random: options.random, engine: this.engine,
      unpark: (job) => { this.#unpark(job); },
      ended: (job, outcome) => { this.#attemptEnded(job, outcome); },
    });
    const sandboxWaits = new SandboxWaits({ engine: this.engine, sandboxes: options.sandboxes, queue: topics.main, unpark: (job) => { this.#unpark(job); } });
    this.#attempts = new Attempts({
      handled, codec, clock, logger: options.logger, abortGraceMs: options.abortGraceMs, claimed: this.#claimed,
      ended: (job, outcome) => { this.#attemptEnded(job, outcome); },
      needsSchema: (job, schemaId) => { this.#parkForSchema(job, schemaId); },
      abandoned: (job) => { options.observer.attemptAbandoned(job); },
      storeResult: options.storeResult, random: options.random,
      freeSlot: (job) => { this.engine.freeSlot(job); this.#queuePump(); },
      effects: options.effects,
      replay: options.replay,
      effectEnded: (kind, end) => { options.observer.effectEnded?.(kind, end); },
      lockBusy: (job, lock) => { awaitLock(this, job, lock, () => { this.#queuePump(); }); },
      takeSandbox: (job) => sandboxWaits.take(job),
      releaseSandbox: (sandbox) => { options.sandboxes.release(sandbox); },
      sandboxDied: (job, error) => { options.observer.sandboxDied?.(job, error); },
    });
    this.#drains = new Drains({
      engine: this.engine, attempts: this.#attempts, clock, drainTimeoutMs: options.drainTimeoutMs, abortGraceMs: options.abortGraceMs,
      ending: () => { this.#pump(); this.flushNow(); },
      ended: () => { this.#claimed.sweep(); this.#pump(); },
    });
    this.#timers = new QueueTimers({
      clock, flushIntervalMs: options.flushIntervalMs,
      nextTickMs: () => this.engine.nextTickMs(),
      tick: () => { this.engine.tick(clock.now()); this.#pump(); },
      flush: () => { this.#flushInterval(); },
    });
    this.#pulse = new Pulse(options.clock);
    this.#publisher = new Publisher(options, this.engine, this.bodies, this.#pulse, () => { this.#afterPublish(); });
    this.#consumer = options.broker.createConsumer(
      {
        group: options.group,
        topics: [topics.main, topics.retry],
        sessionTimeoutMs: options.sessionTimeoutMs,
        revokeTimeoutMs: options.drainTimeoutMs + options.abortGraceMs + 2000,
        maxBytesPerPartition: options.maxBytesPerPartition,
        maxWaitMs: 500,
        clientId: options.workerId,
        kinds: [...options.handled.keys()],
      },
      {
        assigned: (grants) => { this.#assigned(grants); },
        revoked: (partitions) => this.#drains.drain(partitions),
        lost: (partitions) => { this.#lost(partitions); },
        fetched: (batch) => { this.#fetched(batch); },
        trouble: (error) => { this.#trouble(error); },
        unreadable: (topic, partition, error) => {
          this.engine.unreadable(partition, topic === topics.main ? 'main' : 'retry');
          options.observer.trouble(error);
        },
      },
    );
    this.#commits = new CommitLoop(options, this.engine, this.#consumer, this.#pulse, () => { this.#pump(); });
  }

  async start(): Promise<void> {
    this.#timers.start();
    await this.#consumer.start();
  }

  /** Drains within the drain timeout, then leaves the group. The consumer does both: from now on the group gives it nothing more to be drained. */
  async stop(): Promise<void> {
    await this.#consumer.close();
    this.#closed = true;
    this.#timers.stop();
    this.#attempts.close();
    this.#schemas.close();
    this.#claimed.close();
    await this.bodies.stop();
  }

  /** True when each owned partition is restored, leased and open, and none stands. */
  get ready(): boolean {
    for (const partition of this.engine.partitions.values()) if (partition.phase !== 'active' || partition.stands) return false;
    return !this.#closed;
  }

  lastSeen(): { coordinatorMs: number; fetchMs: number } {
    return this.#consumer.lastSeen();
  }

  /** What its loops did last; for health. */
  get pulse(): PulseReading {
    return this.#pulse;
  }

  #trouble(error: Error): void {
    this.#pulse.refused();
    this.options.observer.trouble(error);
  }

  // ---- what Kafka tells ----

  #assigned(grants: readonly PartitionGrant[]): void {
    const { topics, clock, observer } = this.options;
    observer.partitionsAssigned(grants.map((grant) => grant.partition));
    for (const granted of grants) {
      const grant = grantOf(granted, topics);
      if (grant !== null) this.engine.assigned(grant, clock.now());
    }
    this.flushNow();
  }

  #lost(partitions: readonly number[]): void {
    this.options.observer.partitionsLost(partitions);
    for (const partition of partitions) {
      this.engine.lost(partition);
      this.#drains.drained(partition);
    }
    this.#claimed.sweep();
    this.#pump();
  }

  #fetched(batch: FetchedBatch): void {
    const { topics, clock } = this.options;
    const now = clock.now();
    if (batch.topic === topics.main) {
      this.highWatermarks.set(batch.partition, batch.highWatermark);
      this.engine.fetchedMain(batch.partition, batch.records, batch.nextOffset, now);
    } else {
      this.engine.fetchedRetry(batch.partition, readRoomRecords(this.#context, batch, now), batch.nextOffset, now);
      const phase = this.engine.partitions.get(batch.partition)?.phase;
      if (phase !== 'active') this.flushNow();
    }
    this.#pump();
  }

  // ---- what attempts tell ----

  #attemptEnded(job: Job, outcome: Outcome | 'interrupted'): void {
    const now = this.options.clock.now();
    this.#claimed.release(job);
    this.options.observer.attemptEnded(job.kind, outcome === 'interrupted' ? outcome : outcome.type, now - job.startedMs);
    this.engine.attemptEnded(job, outcome, now);
    this.bodies.close(job);
    if (outcome !== 'interrupted' && outcome.type === 'retry' && job.state === 'waiting') this.options.observer.attemptFailed?.(job, job.dueMs);
    if (outcome !== 'interrupted' && outcome.type === 'snooze' && outcome.failure !== undefined) this.options.observer.jobWaits?.(job, outcome.failure);
    if (job.lane.partition.draining) this.flushNow();
    this.#queuePump();
  }

  #parkForSchema(job: Job, schemaId: number): void {
    this.engine.park(job);
    this.#schemas.whenKnown(schemaId, () => { this.#unpark(job); });
  }

  #unpark(job: Job): void {
    this.engine.unpark(job);
    this.#queuePump();
  }

  /** Begins what the engine starts, once its bodies are here. */
  #begin(start: Start): void {
    const jobs = 'id' in start ? [start] : start;
    const gone = (): void => { for (const job of jobs) this.#attemptEnded(job, 'interrupted'); };
    const begin = (): void => {
      if (jobs.every((job) => this.engine.mayBegin(job))) this.#attempts.begin(start);
      else gone();
      this.#queuePump();
    };
    if (this.bodies.open(start, begin, gone)) this.#attempts.begin(start);
  }

  #parse(record: FetchedRecord, partition: number, now: number): JobInput | null {
    const read = readMainRecord(this.#context, record, partition, now);
    if (typeof read !== 'number') return read;
    this.#schemas.whenKnown(read, () => {
      this.engine.resumeIntake(this.options.clock.now());
      this.#queuePump();
    });
    return null;
  }

  // ---- the loop ----

  /** Runs at the end of the current turn; many ends of attempts share one. */
  #queuePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  #pumping = false;
  #pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    try {
      let begun = 0;
      for (;;) {
        for (const effect of this.engine.takeEffects()) this.#perform(effect);
        const starts = this.engine.takeStarts(this.options.clock.now());
        for (const start of starts) this.#begin(start);
        begun += starts.length;
        this.#pulse.begun += starts.length;
        if (begun >= STARTS_PER_TURN) {
          setImmediate(() => { this.#pump(); });
          break;
        }
        if (starts.length === 0 && !this.engine.hasEffects) break;
      }
    } finally {
      this.#pumping = false;
    }
    this.#timers.armTick();
    this.#publisher.flushPressing();
  }

  #perform(effect: Effect): void {
    const { topics, observer } = this.options;
    switch (effect.type) {
      case 'resume':
        this.#consumer.resume(effect.stream === 'main' ? topics.main : topics.retry, effect.partition, effect.offset);
        return;
      case 'pause':
        this.#consumer.pause(effect.stream === 'main' ? topics.main : topics.retry, effect.partition);
        return;
      case 'abort':
        this.#attempts.abortWhere((job) => job.lane.partition.reign === effect.reign, () => new MillraceError('LEASE_LOST', { at: `partition ${effect.partition}` }));
        return;
      case 'cancel':
        this.#attempts.cancel(effect.job);
        return;
      case 'reassign':
        void this.#renewReign(effect.partition);
        return;
      case 'drained':
        this.#drains.drained(effect.partition);
        return;
      case 'notice':
        observer.notice(effect.partition, effect.notice);
        return;
    }
  }

  async #renewReign(number: number): Promise<void> {
    const isRenewed = await renewReign({
      ...this.options, engine: this.engine, consumer: this.#consumer,
      isClosed: () => this.#closed,
      trouble: (error) => { this.#trouble(error); },
    }, number);
    if (!isRenewed) return;
    this.#pump();
    this.flushNow();
  }

  #flushInterval(): void {
    this.engine.tick(this.options.clock.now());
    this.bodies.turn();
    this.#pump();
    this.flushNow();
    this.#pulse.turns += 1;
  }

  /** Publishes what is pending and commits what may be; normally once a flush interval. */
  flushNow(): void {
    this.#publisher.flush();
    this.#commits.kick();
  }

  #afterPublish(): void {
    for (const partition of this.engine.partitions.values()) {
      if (partition.draining || partition.phase !== 'active') {
        this.#publisher.flush();
        break;
      }
    }
    this.#commits.kick();
    this.#queuePump();
  }
}
