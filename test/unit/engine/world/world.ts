import type { Partition } from '../../../../shared/engine/partition.ts';
import { History } from './history.ts';
import { MainLog } from './mainLog.ts';
import { drawPlan, type Plan } from './plan.ts';
import { Chance } from './random.ts';
import { BLANK, RetryLog } from './retryLog.ts';
import type { Payload, Shard, Surroundings } from './shard.ts';
import { Worker } from './worker.ts';

const HEALING_STEPS = 6000;
const WORKERS = 3;

export interface WorldOptions {
  readonly seed: number;
  readonly trace?: (...line: unknown[]) => void;
  /** Overrides how long compaction leaves what is superseded. */
  readonly lagSteps?: number;
}

export interface WorldReport {
  readonly violations: ReadonlyMap<string, string>;
  readonly starts: number;
  readonly repeats: number;
  readonly jobs: number;
}

/** Plays one seed: troubles first, then healing until all is settled, then judgement. */
export function playSeed(options: WorldOptions): WorldReport {
  return new World(options).play();
}

class World implements Surroundings {
  readonly chance: Chance;
  readonly plan: Plan;
  readonly shards: Shard[];
  readonly history: History;
  readonly trace: ((...line: unknown[]) => void) | null;
  now = 1_000_000;
  troubled = true;
  #workers: Worker[] = [];
  #workerIds = 0;
  #generations = 0;
  #commands = 0;
  #step = 0;
  #late: { readonly shard: Shard; readonly payload: Payload; readonly atStep: number }[] = [];

  constructor({ seed, trace, lagSteps }: WorldOptions) {
    this.chance = new Chance(seed);
    this.plan = drawPlan(this.chance, { lagSteps });
    this.trace = trace ?? null;
    this.history = new History(this.plan.partitions);
    this.shards = Array.from({ length: this.plan.partitions }, (_, number) => ({
      number, main: new MainLog(), retry: new RetryLog(this.chance, this.plan.chances.gap), committed: null, owner: null, age: 0, letters: 0,
    }));
    this.trace?.(JSON.stringify(this.plan));
  }

  play(): WorldReport {
    const { plan, chance, history } = this;
    let jobs = 0;
    for (this.#step = 0; this.#step < plan.steps; this.#step++) {
      this.now += 1 + chance.int(40);
      if (jobs < plan.jobs && chance.hit(plan.chances.enqueue)) {
        this.#enqueue();
        jobs++;
      }
      if (chance.hit(plan.chances.command)) this.#commandAnything();
      if (chance.hit(plan.chances.pause)) this.#pauseAnything();
      if (chance.hit(plan.chances.stranger)) this.#strangerWrites();
      this.#stepAll();
      if (chance.hit(plan.chances.fault)) this.#fault();
      for (const late of this.#late) if (late.atStep <= this.#step) this.land(late.shard, late.payload);
      this.#late = this.#late.filter((late) => late.atStep > this.#step);
      if (chance.hit(plan.chances.compact)) for (const shard of this.shards) shard.retry.compact(shard.age, plan.lagSteps);
    }
    this.#heal();
    history.conclude();
    return { violations: history.violations, starts: history.starts, repeats: history.repeats, jobs };
  }

  land(shard: Shard, payload: Payload): void {
    const { history } = this;
    switch (payload.stream) {
      case 'retry':
        for (const entry of shard.retry.append(payload.records, shard.age)) {
          this.trace?.('  log', `${shard.number}/${entry.offset}`, entry.type, entry.origin, `e${entry.epoch}.${entry.seq}`, entry.valid ? '' : 'void of force', entry.type === 'wait' ? `${entry.reason} ${entry.attempt}` : entry.holder || entry.key);
          history.retryAppended(shard.number, entry);
        }
        return;
      case 'events':
        for (const event of payload.items) history.eventAppended(shard.number, event);
        return;
      case 'dlq':
        for (const letter of payload.items) history.letterAppended(shard.number, letter, shard.letters++);
        return;
    }
  }

  landLater(shard: Shard, payload: Payload): void {
    this.#late.push({ shard, payload, atStep: this.#step + this.chance.int(80) });
  }

  #enqueue(): void {
    const shard = this.chance.pick(this.shards);
    const entry = shard.main.append(this.plan, this.chance, this.now);
    this.history.enqueued(shard.number, entry);
    this.trace?.('job', `${shard.number}/${entry.offset}`, entry.key?.toString(), entry.policy.kind, entry.id, entry.notBeforeMs > 0 ? 'scheduled' : '', entry.poison ? 'poison' : '');
  }

  /** Stops something, or lets it go on: twice at times, or what was never stopped. */
  #pauseAnything(): void {
    const shard = this.chance.pick(this.shards);
    const scope = this.chance.pick(['queue', `kind:${this.chance.pick(this.plan.kinds).kind}`, `key:k${this.chance.int(this.plan.keys)}`]);
    this.#pause(shard, scope, this.chance.hit(0.5));
  }

  #pause(shard: Shard, scope: string, on: boolean): void {
    this.land(shard, { stream: 'retry', records: [{ ...BLANK, type: 'pause', key: `c${this.#commands++}`, scope, on }] });
  }

  #commandAnything(): void {
    const shard = this.chance.pick(this.shards);
    if (shard.main.entries.length === 0) return;
    const { offset } = this.chance.pick(shard.main.entries);
    if (this.chance.hit(0.5)) this.#command(shard, offset, this.chance.hit(0.7) ? 'redrive' : 'discard');
    else this.#commandJob(shard, offset + (this.chance.hit(0.2) ? 1 : 0), this.chance.hit(0.7) ? 'cancel' : 'run-now');
  }

  /** Of any job, also of one that nobody has read; of one that is yet to be enqueued there is nothing to say. */
  #commandJob(shard: Shard, origin: number, command: 'cancel' | 'run-now'): void {
    if (!shard.main.entries.some(({ offset }) => offset === origin)) return;
    const key = `c${this.#commands++}`;
    this.history.track(shard.number, origin).hurried ||= command === 'run-now';
    this.land(shard, { stream: 'retry', records: [{ ...BLANK, type: 'command', key, origin, command }] });
  }

  /** An operator who sees a dead letter speaks of it. */
  #command(shard: Shard, origin: number, command: 'redrive' | 'discard'): void {
    const track = this.history.track(shard.number, origin);
    if (track.letters === 0) return;
    const key = command === 'redrive' ? `redrive/${origin}/${track.letterOffset}` : `c${this.#commands++}`;
    this.history.commanded(shard.number, origin, command, key);
    this.land(shard, { stream: 'retry', records: [{ ...BLANK, type: 'command', key, origin, command }] });
  }

  /** Under a job's key, so that compaction takes it for the job's word; at times with an epoch that no owner can have. */
  #strangerWrites(): void {
    const shard = this.chance.pick(this.shards);
    if (shard.main.entries.length === 0) return;
    const marks = [...shard.retry.marks];
    if (marks.length > 0 && this.chance.hit(0.5)) {
      const type = this.chance.pick(['foreign', 'applied', 'mark'] as const);
      this.land(shard, { stream: 'retry', records: [{ ...BLANK, type, control: true, key: this.chance.pick(marks), epoch: shard.retry.epoch + 5000, seq: 1 }] });
      return;
    }
    const { offset, id } = this.chance.pick(shard.main.entries);
    const type = this.chance.pick(['foreign', 'tombstone', 'wait', 'lease'] as const);
    const key = type === 'lease' ? 'lease/forged' : this.chance.hit(0.8) ? id : `${id}@${offset}`;
    this.land(shard, { stream: 'retry', records: [{ ...BLANK, type, key, origin: type === 'lease' ? -1 : offset, holder: 'forger', epoch: shard.retry.epoch + 5000, seq: 1 }] });
  }

  #stepAll(): void {
    for (const shard of this.shards) {
      const owner = this.#ownerOf(shard);
      if (owner === null) {
        if (this.chance.hit(0.3)) this.#give(shard);
      } else if (owner.frozen === 0 && isAtWork(owner.engine.partitions.get(shard.number))) shard.age++;
    }
    for (const worker of this.#workers) {
      worker.step();
      for (const number of worker.handedOver.splice(0)) this.#takeBack(worker, this.shards[number] as Shard);
      for (const [number, patience] of worker.revoking) {
        worker.revoking.set(number, patience - 1);
        if (patience === 0) this.#takeBack(worker, this.shards[number] as Shard);
      }
    }
  }

  #ownerOf(shard: Shard): Worker | null {
    const worker = this.#workers.find((one) => one.id === shard.owner?.workerId);
    if (worker === undefined || !worker.owns(shard)) return null;
    // A member that found itself lost joins again.
    return worker.engine.partitions.has(shard.number) ? worker : null;
  }

  #isNoZombie(worker: Worker): boolean {
    return [...worker.engine.partitions.keys()].every((number) => worker.owns(this.shards[number] as Shard));
  }

  #takeBack(worker: Worker, shard: Shard): void {
    const owned = worker.owns(shard);
    worker.lose(shard.number);
    if (owned) shard.owner = null;
  }

  #give(shard: Shard): void {
    const { chance } = this;
    const candidates = this.#workers.filter((worker) => worker.frozen === 0);
    const worker = candidates.length > 0 && (this.#workers.length >= WORKERS || chance.hit(0.5)) ? chance.pick(candidates) : this.#hire();
    const generation = ++this.#generations;
    shard.owner = { workerId: worker.id, generation };
    this.trace?.('give', shard.number, 'to', worker.id, 'generation', generation, 'from', JSON.stringify(shard.committed));
    worker.assign(shard, generation);
  }

  #hire(): Worker {
    const worker = new Worker(++this.#workerIds, this);
    this.#workers.push(worker);
    return worker;
  }

  #fault(): void {
    const { chance } = this;
    const shard = chance.pick(this.shards);
    const worker = this.#ownerOf(shard);
    if (worker === null) return;
    const drawn = chance.next();
    if (drawn < 0.4) this.#crash(worker);
    else if (drawn < 0.7) {
      worker.frozen = chance.int(60);
      this.trace?.('evicted', worker.id, 'frozen', worker.frozen);
      for (const one of this.shards) if (worker.owns(one)) one.owner = null;
    } else if (!worker.revoking.has(shard.number)) {
      this.trace?.('revoke', shard.number, 'from', worker.id);
      worker.revoke(shard, chance.int(200));
    }
  }

  #crash(worker: Worker): void {
    this.trace?.('crash', worker.id);
    worker.crash(this.chance.int(3));
    this.#workers = this.#workers.filter((one) => one !== worker);
    for (const shard of this.shards) if (shard.owner?.workerId === worker.id) shard.owner = null;
  }

  #heal(): void {
    const { chance } = this;
    this.trace?.('heal');
    this.troubled = false;
    for (const late of this.#late.splice(0)) this.land(late.shard, late.payload);
    for (const worker of this.#workers) worker.frozen = 0;
    for (const shard of this.shards) for (const scope of this.history.pausedAt(shard.number, Infinity)) this.#pause(shard, scope, false);
    if (chance.hit(0.5)) for (const worker of [...this.#workers]) this.#crash(worker);
    for (const late of this.#late.splice(0)) this.land(late.shard, late.payload);
    this.#settle();
    if (this.history.violations.size > 0 || !chance.hit(0.2)) return;
    // Whoever comes now finds nothing to do.
    this.history.over = true;
    for (const worker of [...this.#workers]) this.#crash(worker);
    this.#settle();
  }

  #settle(): void {
    for (let step = 0; step < HEALING_STEPS; step++) {
      this.now += 50;
      this.#stepAll();
      if (step % 16 === 0) this.#releaseHeld();
      if (step % 8 === 0 && this.shards.every((shard) => this.#quiet(shard))) {
        for (const worker of this.#workers) if (worker.idle && this.#isNoZombie(worker) && (worker.engine.running !== 0 || worker.engine.waiting !== 0)) this.history.flag('not back to nothing', `engine of ${worker.id}`);
        return;
      }
    }
    for (const shard of this.shards) if (!this.#quiet(shard)) this.history.flag('A11 stuck', `${shard.number} of ${JSON.stringify(shard.owner)}: ${describe(this.#ownerOf(shard)?.engine.partitions.get(shard.number))}`);
  }

  #releaseHeld(): void {
    for (const shard of this.shards) {
      const partition = this.#ownerOf(shard)?.engine.partitions.get(shard.number);
      if (partition?.phase !== 'active') continue;
      // Those about jobs that are yet to be read stand until the held make room for them.
      if ([...partition.commands.values()].some(({ record }) => record.type === 'command' && (record.command === 'redrive' || record.command === 'discard'))) continue;
      for (const job of partition.room.values()) if (job.state === 'held') this.#command(shard, job.offset, this.chance.hit(0.7) ? 'redrive' : 'discard');
    }
  }

  #quiet(shard: Shard): boolean {
    const worker = this.#ownerOf(shard);
    const partition = worker?.engine.partitions.get(shard.number);
    if (worker === null || partition === undefined || partition.phase !== 'active' || partition.draining || !worker.idle) return false;
    const settled = partition.room.size === 0 && partition.frontier.offset >= shard.main.endOffset && partition.commands.size === 0;
    if (!settled || partition.log.position < shard.retry.endOffset || !partition.isDrained) return false;
    const { running, claims, memoryJobs, memoryBytes, roomBytes, backlogRecords, backlogBytes } = partition;
    const pauses = partition.pauses === null && ![...partition.marks.keys()].some((key) => key.startsWith('pause/')) ? 0 : 1;
    const left = { pauses, answers: partition.answers.size, cancelling: partition.cancelling.size, running, claims, memoryJobs, memoryBytes, roomBytes, backlogRecords, backlogBytes, reread: partition.reread.length, bits: partition.committedBits.size, tombstoned: partition.tombstoned.size, lanes: [...partition.lanes.values()].filter((lane) => !lane.idle).length, keys: partition.roomKeys.size };
    if (Object.values(left).some((count) => count !== 0)) this.history.flag('not back to nothing', JSON.stringify(left));
    return (shard.committed?.main.offset ?? 0) >= partition.frontier.offset;
  }
}

/** Time counts for compaction's lag only while the owner can say what it has to say. */
function isAtWork(partition: Partition | undefined): boolean {
  return partition?.phase === 'active' && partition.events.retryAtMs === null && partition.retry.retryAtMs === null && partition.dlq.retryAtMs === null;
}

function describe(partition: Partition | undefined): string {
  if (partition === undefined) return 'nobody';
  const { phase, running, claims, memoryJobs, room, lanes, commands, backlogRecords, mainPaused, frontier } = partition;
  const unsettled = Array.from({ length: frontier.endSlot - frontier.firstSlot }, (_, at) => frontier.jobAt(frontier.firstSlot + at)).flatMap((job) => (job === null ? [] : [`${job.offset} ${job.kind} ${job.lane.key} ${job.state}`]));
  return JSON.stringify({
    unsettled, phase, running, claims, memoryJobs, backlogRecords, mainPaused, position: frontier.position, room: [...room.values()].map(({ offset, state, logKey }) => `${offset} ${state} ${logKey}`),
    lanes: [...lanes.values()].filter((lane) => !lane.idle).map((lane) => `${lane.key}: head ${lane.head?.offset ?? '-'} busy ${lane.busy?.offset ?? '-'} ready ${lane.ready}`), commands: [...commands.keys()],
  });
}
