import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import type { Job } from '../../shared/engine/job.ts';
import type { Broker } from '../../shared/kafka/port.ts';
import type { QueueObserver } from '../../shared/worker/observer.ts';
import { createWorker, type Worker } from '../../shared/worker/worker.ts';
import { createDice } from './dice.ts';
import { defineForWorker } from './handlers.ts';
import { silentLogger } from './silentLogger.ts';
import { createSimulatedDisk } from './simulatedDisk.ts';
import { createSimulatedProcessClock, type SimulatedProcessClock } from './time.ts';
import type { World } from './world.ts';

/** `starting` until its first assignment; `dead`: killed, or its start failed. */
export type WorkerState = 'starting' | 'running' | 'stopping' | 'stopped' | 'dead';

/** One worker as a process of its own: its own connection, clock, chance and ends of the world. The worker in it is the real one. */
export class SimulatedWorker {
  readonly id: string;
  readonly version: 'old' | 'new';
  readonly broker: Broker;
  readonly clock: SimulatedProcessClock;
  readonly worker: Worker;
  state: WorkerState = 'starting';
  frozen = false;
  disconnected = false;
  readonly #world: World;

  constructor(world: World, id: string, version: 'old' | 'new') {
    this.#world = world;
    this.id = id;
    this.version = version;
    this.broker = world.cluster.broker();
    this.clock = createSimulatedProcessClock(world.time);
    const { plan, witness } = world;
    const { settings } = plan;
    const kinds = plan.kinds.filter(({ isNew }) => version === 'new' || !isNew);
    const tools = { worker: id, clock: this.clock, witness, lookUp: world.lookUpFor, snoozed: (place: string) => { world.snoozed(place); } };
    this.worker = createWorker({
      broker: this.broker,
      registry: world.registry.connect(this.clock),
      jobs: (kinds.length === 0 ? plan.kinds : kinds).map((kind) => defineForWorker(kind, { ...tools, lookUp: tools.lookUp(kind.queue) })),
      logger: silentLogger,
      observe: (queue) => this.#observe(queue),
      workerId: id,
      topics: false,
      concurrency: settings.concurrency,
      limits: { frontierPatienceMs: settings.frontierPatienceMs, intakeJobs: settings.intakeJobs },
      sessionTimeoutMs: settings.sessionTimeoutMs,
      flushIntervalMs: settings.flushIntervalMs,
      drainTimeoutMs: settings.drainTimeoutMs,
      abortGraceMs: settings.abortGraceMs,
      maxBytesPerPartition: settings.maxBytesPerPartition,
      ...(settings.spillOverBytes === undefined ? {} : { spill: { open: createSimulatedDisk(this.clock, createDice(plan.seed, `${id}'s disk`)), overBytes: settings.spillOverBytes } }),
      clock: this.clock,
      random: createDice(plan.seed, id).next,
    });
  }

  get alive(): boolean {
    return this.state === 'starting' || this.state === 'running';
  }

  /** A start that fails ends the process, as it would be; `failed` is for who starts another. */
  start(failed: () => void): void {
    this.worker.start().then(
      () => { if (this.state === 'starting') this.state = 'running'; },
      (error: unknown) => {
        if (!this.alive) return;
        this.#world.troubled(this.id, error);
        this.kill();
        failed();
      },
    );
  }

  /** Clean: drains, leaves. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.state = 'stopping';
    const sinceMs = this.#world.clock.monotonic();
    await this.worker.stop();
    this.state = 'stopped';
    this.#world.witness.gone(this.id);
    this.#world.stopped(this.id, sinceMs);
  }

  kill(): void {
    this.state = 'dead';
    this.#world.cluster.faults.kill(this.broker);
    this.clock.freeze();
  }

  freeze(): void {
    this.frozen = true;
    this.#world.cluster.faults.freeze(this.broker);
    this.clock.freeze();
  }

  thaw(): void {
    if (!this.frozen || this.state === 'dead') return;
    this.frozen = false;
    this.#world.cluster.faults.thaw(this.broker);
    this.clock.thaw();
  }

  disconnect(): void {
    this.disconnected = true;
    this.#world.cluster.faults.disconnect(this.broker);
  }

  reconnect(): void {
    if (!this.disconnected || this.frozen || this.state === 'dead') return;
    this.disconnected = false;
    this.#world.cluster.faults.reconnect(this.broker);
  }

  #observe(queue: string): QueueObserver {
    const { id } = this;
    const world = this.#world;
    const { story, witness } = world;
    const placeOf = (job: Job): string => `${queue}/${job.lane.partition.number}/${job.offset}`;
    return {
      attemptEnded: () => undefined,
      buried: () => undefined,
      attemptAbandoned(job) { witness.abandon(id, placeOf(job), job.lane.partition.epoch, 'retry'); },
      notice(partition, notice) {
        const place = `${queue}/${partition}`;
        if (notice.type === 'active') story.tell('active', { worker: id, place, detail: `epoch ${notice.epoch}, ${notice.waiting} waiting` });
        else story.tell('notice', { worker: id, place, detail: JSON.stringify(notice) });
        if (notice.type === 'usurped') world.usurped(id, place);
        if (notice.type === 'command-applied' && notice.found && (notice.command === 'redrive' || notice.command === 'discard')) world.released(`${place}/${notice.origin}`, notice.command);
      },
      commitFailed(code) { story.tell('notice', { worker: id, detail: `commit failed: ${code}` }); },
      schemaUnavailable: () => undefined,
      partitionsAssigned(partitions) { story.tell('assigned', { worker: id, place: `${queue}/${partitions.join()}` }); },
      partitionsLost(partitions) {
        story.tell('lost', { worker: id, place: `${queue}/${partitions.join()}` });
        world.partitionsLost(id);
      },
      trouble(error) { if (!isMillraceError(error)) world.troubled(id, error); },
    };
  }
}
