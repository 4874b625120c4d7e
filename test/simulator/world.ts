import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { declareQueueTopics, queueTopicNames } from '../../shared/kafka/topics.ts';
import { createMillrace, type Millrace } from '../../shared/millrace.ts';
import { createMemoryCluster, createVirtualClock, type MemoryCluster, type VirtualClock } from '../../shared/testing/index.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Cut } from '../guarantees/history.ts';
import { createDice } from './dice.ts';
import { Ledger } from './ledger.ts';
import type { Found } from './handlers.ts';
import type { Plan, StreamName } from './plan.ts';
import { createSimulatedRegistry } from './registry.ts';
import { silentLogger } from './silentLogger.ts';
import { SimulatedWorker } from './simulatedWorker.ts';
import { Story } from './story.ts';
import { createGrainedClock, START_MS } from './time.ts';
import { Witness } from './witness.ts';

/** Times that a partition may be leased over, and one more for each fault. */
const MOST_USURPED = 3;

/** A stretch of time in which the brokers kept workers from making things durable. */
export interface Suffering {
  readonly fromMs: number;
  readonly toMs: number;
  /** Too short to keep a hand-over from becoming durable in its time. */
  readonly isBrief: boolean;
}

/** All parts of one run: virtual time, the simulated Kafka and registry, the workers, and everything that is noted about them. */
export class World {
  readonly plan: Plan;
  readonly clock: VirtualClock = createVirtualClock(START_MS);
  /** What everybody's time is made of. */
  readonly time: Clock;
  readonly cluster: MemoryCluster;
  readonly registry = createSimulatedRegistry();
  readonly story: Story;
  readonly witness: Witness;
  readonly ledger: Ledger;
  readonly workers: SimulatedWorker[] = [];
  readonly cuts: Cut[] = [];
  /** When a worker that others may have taken for dead could act again, or was expelled while it acted. */
  readonly awakenings: { readonly worker: string; readonly atMs: number }[] = [];
  readonly sufferings: Suffering[] = [];
  /** What must not happen whatever the plan says. */
  readonly breaches: string[] = [];
  /** Enqueues, and speaks of the dead; no fault strikes it. */
  readonly office: Millrace;
  readonly queues: readonly string[];
  healed = false;
  readonly #heals = new Set<() => void>();
  readonly #usurped = new Map<string, number>();
  #hired = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    const { settings, seed } = plan;
    this.time = createGrainedClock(this.clock);
    this.story = new Story(() => this.clock.monotonic());
    this.witness = new Witness(this.story, () => START_MS + this.clock.monotonic());
    const latency = createDice(seed, 'latency');
    this.cluster = createMemoryCluster({
      clock: this.time,
      random: createDice(seed, 'cluster').next,
      gapShare: settings.gapShare,
      // What the coordinator has to say comes with the next heartbeat's answer.
      latencyMs: (step) => (step === 'heartbeat' ? latency.next() * settings.sessionTimeoutMs / 3 : settings.latencyMs * (0.25 + 1.5 * latency.next()) * (latency.hit(0.01) ? 10 : 1)),
    });
    this.queues = [...new Set(plan.kinds.map(({ queue }) => queue))].sort();
    for (const queue of this.queues) this.#createTopics(queue);
    this.ledger = new Ledger(plan, this.story, this.cluster);
    const clock = this.time;
    this.office = createMillrace({
      brokers: [], registryUrl: '', broker: this.cluster.broker(), registry: this.registry.connect(clock), clock, random: createDice(seed, 'office').next,
      topics: false, logger: silentLogger,
    });
  }

  #createTopics(queue: string): void {
    const { partitions, compactionLagMs } = this.plan.settings;
    for (const topic of Object.values(declareQueueTopics({ queue, partitions, replicationFactor: 1 }))) {
      const lag: Record<string, string> = topic.name === queueTopicNames(queue).retry ? { 'min.compaction.lag.ms': String(compactionLagMs), 'delete.retention.ms': String(compactionLagMs) } : {};
      this.cluster.inspect.createTopic({ ...topic, config: { ...topic.config, ...lag } });
    }
  }

  topicOf(queue: string, stream: StreamName): string {
    return queueTopicNames(queue)[stream];
  }

  topics(streams: readonly StreamName[]): string[] {
    return this.queues.flatMap((queue) => streams.map((stream) => this.topicOf(queue, stream)));
  }

  // ---- time ----

  /** @param atMs from the start */
  at(atMs: number, run: () => void): void {
    this.time.after(Math.max(0, atMs - this.clock.monotonic()), run);
  }

  after(ms: number, run: () => void): void {
    this.time.after(ms, run);
  }

  /** Runs after the time, or when all is healed. */
  healAfter(ms: number, heal: () => void): void {
    const once = (): void => {
      if (this.#heals.delete(once)) heal();
    };
    this.#heals.add(once);
    if (this.healed) once();
    else this.time.after(ms, once);
  }

  healAll(): void {
    this.healed = true;
    this.story.tell('heal');
    for (const heal of [...this.#heals]) heal();
  }

  // ---- workers ----

  /** Alive, oldest first. */
  get living(): SimulatedWorker[] {
    return this.workers.filter(({ alive }) => alive);
  }

  hire(version: 'old' | 'new', id = `h${++this.#hired}`): SimulatedWorker {
    const worker = new SimulatedWorker(this, id, version);
    this.workers.push(worker);
    this.story.tell('phase', { worker: id, detail: `starts (${version})` });
    worker.start(() => { this.after(500, () => { if (this.workers.includes(worker)) this.hire(version); }); });
    return worker;
  }

  // ---- what is noted ----

  readonly lookUpFor = (queue: string) => (serial: number, at: { readonly partition: number; readonly offset: number } | null): Found => this.ledger.find(queue, serial, at);

  snoozed(place: string): void {
    this.ledger.snoozed(place);
  }

  released(place: string, command: 'redrive' | 'discard'): void {
    this.ledger.released(place, command, this.witness.lines.length);
  }

  /** @param reachMs for so long its attempts may still be repeated; for ever when left out */
  cut(type: Cut['type'], worker: string, reachMs?: number): void {
    const atMs = START_MS + this.clock.monotonic();
    this.cuts.push({ type, worker, atMs, ...(reachMs === undefined ? {} : { untilMs: atMs + reachMs }) });
  }

  /** Somebody who owns nothing any more may lease over the owner once; the owner's attempts then count for nothing. */
  usurped(worker: string, place: string): void {
    this.cut('expelled', worker, 0);
    const times = (this.#usurped.get(place) ?? 0) + 1;
    this.#usurped.set(place, times);
    if (times > MOST_USURPED + this.plan.faults.length) this.breaches.push(`lease war: ${place} changed hands by leases alone ${times} times`);
  }

  awakes(worker: string): void {
    this.awakenings.push({ worker, atMs: START_MS + this.clock.monotonic() });
  }

  kafkaSuffers(forMs: number, isBrief = false): void {
    const fromMs = START_MS + this.clock.monotonic();
    this.sufferings.push({ fromMs, toMs: Math.min(fromMs + forMs, START_MS + this.plan.settings.troubleMs), isBrief });
  }

  partitionsLost(worker: string): void {
    const nowMs = START_MS + this.clock.monotonic();
    const known = this.cuts.some((cut) => cut.worker === worker && cut.atMs <= nowMs && nowMs <= (cut.untilMs ?? Infinity)) || this.sufferings.length > 0;
    if (!known) this.breaches.push(`lost without a fault: ${worker} lost partitions at ${this.clock.monotonic()}, and nothing had happened to it`);
  }

  /** A worker has stopped. What ran was aborted after the drain timeout, and given up after the grace; where Kafka is well, nothing else may take long. */
  stopped(worker: string, sinceMs: number): void {
    const { drainTimeoutMs, abortGraceMs } = this.plan.settings;
    const tookMs = this.clock.monotonic() - sinceMs;
    const wasStruck = this.sufferings.length > 0 || this.cuts.some((cut) => cut.worker === worker);
    if (!wasStruck && tookMs > drainTimeoutMs + abortGraceMs + 950) this.breaches.push(`stopped in time: ${worker} took ${Math.round(tookMs)} ms, and nothing kept it`);
  }

  troubled(worker: string, error: unknown): void {
    this.story.tell('trouble', { worker, detail: String(error) });
    if (!isMillraceError(error)) this.breaches.push(`internal error: ${worker}: ${error instanceof Error ? error.stack : String(error)}`);
  }

  // ---- the log's housekeeping ----

  /** One pass of the log cleaner, if nobody can need what it may remove: somebody owned each partition for as long as the lag. */
  compact(): boolean {
    if (!this.ledger.isOwnedForLong(this.workers)) return false;
    for (const topic of this.topics(['retry'])) this.cluster.inspect.compact(topic);
    return true;
  }

  /** Retention took what is settled, and old letters and events. */
  expire(): void {
    const { inspect } = this.cluster;
    for (const queue of this.queues) {
      for (let partition = 0; partition < this.plan.settings.partitions; partition++) {
        const committed = inspect.committed(`millrace.${queue}`, queue, partition)?.offset ?? 0;
        inspect.deleteRecords(queue, partition, committed);
        inspect.deleteRecords(this.topicOf(queue, 'events'), partition, inspect.bounds(this.topicOf(queue, 'events'), partition).endOffset);
      }
    }
  }
}
