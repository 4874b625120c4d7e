import type { Effect, Publication } from '../../../../shared/engine/effects.ts';
import { Engine } from '../../../../shared/engine/engine.ts';
import { commitFailed, committed, published, publishFailed, takeCommit, takePublications, type CommitRequest } from '../../../../shared/engine/flush.ts';
import type { Job } from '../../../../shared/engine/job.ts';
import type { Partition } from '../../../../shared/engine/partition.ts';
import type { Outcome } from '../../../../shared/jobs/outcome.ts';
import { brokenInvariant } from './invariants.ts';
import { inputOfMain, type MainEntry } from './mainLog.ts';
import { payloadOf, roomRecordOf } from './records.ts';
import type { Payload, Shard, Surroundings } from './shard.ts';

interface Flight {
  readonly partition: Partition;
  readonly stream: Publication['stream'];
  readonly payload: Payload;
  appended: boolean;
}

interface CommitFlight {
  readonly request: CommitRequest;
  readonly generation: number;
}

interface Running {
  readonly job: Job;
  aborted: boolean;
}

/** Where fetching stands; null = paused. */
interface Positions {
  main: number | null;
  retry: number | null;
}

/** One group member: performs what its engine decides, slowly and with bad luck. */
export class Worker {
  readonly id: number;
  readonly engine: Engine<MainEntry>;
  alive = true;
  /** Steps for which the process stands still. */
  frozen = 0;
  /** The generations in which partitions were given to it; what the group thinks may differ. */
  readonly generations = new Map<number, number>();
  /** Step by step patience of those who asked for a partition. */
  readonly revoking = new Map<number, number>();
  readonly handedOver: number[] = [];
  readonly #world: Surroundings;
  readonly #policies;
  readonly #positions = new Map<number, Positions>();
  readonly #reassigning = new Map<number, Partition>();
  #flights: Flight[] = [];
  #commits: CommitFlight[] = [];
  #running: Running[] = [];
  #parked: Job[] = [];

  constructor(id: number, world: Surroundings) {
    this.id = id;
    this.#world = world;
    const { plan, chance } = world;
    this.#policies = new Map(plan.kinds.filter((kind) => !plan.halfKnown.has(kind.kind) || chance.hit(0.5)).map((kind) => [kind.kind, kind]));
    this.engine = new Engine<MainEntry>({
      limits: plan.limits,
      workerId: `w${id}`,
      policies: this.#policies,
      sizeOf: ({ bytes }) => bytes,
      parse: (entry) => (world.now < entry.readableAtMs ? null : inputOfMain(entry, this.#policies.get(entry.policy.kind) ?? null)),
      recordBytes: (job) => job.bytes,
      retain: () => undefined,
      release: () => undefined,
      hasValue: (job, value) => job.value === value || (job.value !== null && value !== null && job.value.equals(value)),
      random: () => chance.next(),
    });
  }

  owns(shard: Shard): boolean {
    return shard.owner?.workerId === this.id && this.generations.get(shard.number) === shard.owner.generation;
  }

  assign(shard: Shard, generation: number): void {
    this.generations.set(shard.number, generation);
    this.revoking.delete(shard.number);
    this.#begin(shard);
  }

  #begin(shard: Shard): void {
    const { main, retry } = shard.committed ?? { main: null, retry: null };
    this.#positions.set(shard.number, { main: null, retry: null });
    this.#reassigning.delete(shard.number);
    this.engine.assigned(
      { partition: shard.number, main: { committed: main, startOffset: 0 }, retry: { committed: retry, startOffset: 0, endOffset: shard.retry.endOffset } },
      this.#world.now,
    );
    this.#perform();
  }

  revoke(shard: Shard, patienceSteps: number): void {
    this.revoking.set(shard.number, patienceSteps);
    this.engine.revoke(shard.number);
    this.#perform();
  }

  lose(partition: number): void {
    this.engine.lost(partition);
    this.revoking.delete(partition);
    this.#reassigning.delete(partition);
    this.#positions.delete(partition);
    this.#perform();
  }

  /** Dies; up to `landing` of what was under way lands later, and so may its last commit. */
  crash(landing: number): void {
    const { chance, shards } = this.#world;
    this.alive = false;
    for (const flight of this.#flights.filter((one) => !one.appended).slice(0, landing)) this.#world.landLater(shards[flight.partition.number] as Shard, flight.payload);
    for (const commit of this.#commits) if (chance.hit(0.5)) this.#apply(commit);
  }

  get idle(): boolean {
    return this.#flights.length === 0 && this.#commits.length === 0 && this.#running.length === 0 && this.#parked.length === 0;
  }

  step(): void {
    if (this.frozen > 0) {
      this.frozen--;
      return;
    }
    const { chance, plan, now } = this.#world;
    const { chances } = plan;
    this.#progressPublications();
    this.#progressCommits();
    for (const [number, positions] of [...this.#positions]) this.#fetch(number, positions);
    this.#restartUsurped();
    this.engine.tick(now);
    if (chances.unread > 0) this.engine.resumeIntake(now);
    this.#endAttempts();
    this.#perform();
    for (const start of this.engine.takeStarts(now)) for (const job of 'id' in start ? [start] : start) this.#beginAttempt(job);
    if (chance.hit(chances.flush)) this.#publish();
    if (chance.hit(chances.commit)) this.#commit();
    this.#perform();
    const broken = brokenInvariant(this.engine);
    if (broken !== null) this.#world.trace?.('BROKEN', broken);
    if (broken !== null) this.#world.history.flag('engine invariant', broken);
  }

  #legitimate(partition: Partition): boolean {
    const shard = this.#world.shards[partition.number] as Shard;
    return partition.phase !== 'stopped' && (this.owns(shard) || shard.retry.holder === partition.holder);
  }

  #beginAttempt(job: Job): void {
    const { chance, plan, history, shards, now, trace } = this.#world;
    const partition = job.lane.partition;
    if (chance.hit(plan.chances.park)) {
      this.engine.park(job);
      this.#parked.push(job);
      return;
    }
    if (partition.phase !== 'active') history.flag('started when not active', `${partition.holder}: ${job.offset}`);
    const legitimate = this.#legitimate(partition);
    if (!job.claimed) history.heldBack(partition, job, legitimate);
    trace?.('start', `${partition.number}/${job.offset}`, `attempt ${job.attempt + 1}`, 'by', partition.holder, legitimate ? '' : 'ZOMBIE');
    const lane = job.lane;
    for (const other of this.#running) if (other.job.lane.partition === partition && lane.key !== null && other.job.lane.key === lane.key) history.flag('A8 overlap', `${partition.holder}: ${other.job.offset} and ${job.offset}`);
    history.started(partition, job, legitimate, (shards[partition.number] as Shard).retry, now);
    this.#running.push({ job, aborted: false });
    partition.untold.push(job);
  }

  #endAttempts(): void {
    const { chance, plan, history, now, trace, troubled } = this.#world;
    const ended = this.#running.filter(() => chance.hit(plan.chances.end));
    if (ended.length > 0) this.#running = this.#running.filter((running) => !ended.includes(running));
    for (const { job, aborted } of ended) {
      const partition = job.lane.partition;
      const cutOff = aborted || (partition.draining && troubled && chance.hit(0.3));
      const outcome = cutOff && chance.hit(0.7) ? 'interrupted' : this.#outcome(job);
      trace?.('end', `${partition.number}/${job.offset}`, outcome === 'interrupted' ? outcome : outcome.type, 'by', partition.holder);
      history.ended(partition, job, outcome, this.#legitimate(partition) ? now : null);
      const cancelled = partition.cancelling.has(job) && (outcome === 'interrupted' || outcome.type !== 'done');
      this.engine.attemptEnded(job, outcome, now);
      if (cancelled && partition.phase === 'active') history.cancelled(partition.number, job.offset);
    }
    if (this.#parked.length > 0 && chance.hit(0.3)) for (const job of this.#parked.splice(0)) this.engine.unpark(job);
  }

  #outcome(job: Job): Outcome {
    const { chance, plan, shards } = this.#world;
    const entry = (shards[job.lane.partition.number] as Shard).main.at(job.offset);
    if (entry.poison) return { type: 'dead', reason: 'undecodable', failure: null };
    const { done, snooze, dead } = plan.chances;
    const drawn = chance.next();
    if (drawn < done) return { type: 'done' };
    if (drawn < done + snooze) return { type: 'snooze', forMs: chance.int(300) };
    if (drawn < done + snooze + dead) return { type: 'dead', reason: 'dead', failure: null };
    return { type: 'retry', afterMs: chance.hit(0.3) ? chance.int(300) : null, failure: null };
  }

  #fetch(number: number, positions: Positions): void {
    const { chance, plan, shards, now } = this.#world;
    const shard = shards[number] as Shard;
    const partition = this.engine.partitions.get(number);
    if (partition === undefined) return;
    if (positions.retry !== null && chance.hit(plan.chances.read)) {
      const { entries, nextOffset } = shard.retry.read(positions.retry, 1 + chance.int(4));
      if (nextOffset > positions.retry) {
        positions.retry = nextOffset;
        this.engine.fetchedRetry(number, entries.map((entry) => roomRecordOf(entry, shard.main, this.#policies)), nextOffset, now);
        this.#perform();
      }
    }
    if (positions.main !== null && chance.hit(plan.chances.fetch)) {
      const { records, nextOffset } = shard.main.read(positions.main, 1 + chance.int(4));
      if (nextOffset > positions.main) {
        positions.main = nextOffset;
        this.engine.fetchedMain(number, records, nextOffset, now);
        this.#perform();
      }
    }
  }

  /** A reign that somebody's lease ended starts anew once its attempts are over, if the group still counts us as the owner. */
  #restartUsurped(): void {
    for (const [number, partition] of [...this.#reassigning]) {
      const shard = this.#world.shards[number] as Shard;
      if (!this.owns(shard)) this.lose(number);
      else if (partition.running === 0 || !this.#running.some((running) => running.job.lane.partition === partition)) this.#begin(shard);
    }
  }

  #publish(): void {
    for (const partition of this.engine.partitions.values()) {
      for (const publication of takePublications(this.engine, partition, this.#world.now)) {
        this.#flights.push({ partition, stream: publication.stream, payload: payloadOf(publication), appended: false });
      }
    }
  }

  #progressPublications(): void {
    const { chance, plan, shards, troubled, now } = this.#world;
    const { append, ack, lostAck, refused } = plan.chances;
    for (const flight of [...this.#flights]) {
      const { partition, stream, payload } = flight;
      const shard = shards[partition.number] as Shard;
      if (!flight.appended) {
        if (!chance.hit(append)) continue;
        if (troubled && chance.hit(refused)) {
          if (chance.hit(0.4)) this.#world.landLater(shard, payload);
          this.#drop(flight);
          publishFailed(partition, stream, 'BROKER_UNAVAILABLE', now);
          continue;
        }
        this.#world.land(shard, payload);
        flight.appended = true;
      }
      if (!chance.hit(ack)) continue;
      this.#drop(flight);
      if (troubled && chance.hit(lostAck)) publishFailed(partition, stream, 'BROKER_UNAVAILABLE', now);
      else published(this.engine, partition, stream, now);
      this.#perform();
    }
  }

  #drop(flight: Flight): void {
    this.#flights = this.#flights.filter((one) => one !== flight);
  }

  #commit(): void {
    for (const partition of this.engine.partitions.values()) {
      const request = takeCommit(partition);
      if (request !== null) this.#commits.push({ request, generation: this.generations.get(partition.number) ?? 0 });
    }
  }

  /** The group takes it, if it is from the owner's generation. */
  #apply({ request, generation }: CommitFlight): boolean {
    const shard = this.#world.shards[request.partition.number] as Shard;
    if (shard.owner?.workerId !== this.id || shard.owner.generation !== generation) return false;
    shard.committed = { main: request.main, retry: request.retry };
    this.#world.trace?.('  commit', shard.number, request.main.offset, request.retry.offset, request.retry.metadata, 'by', request.partition.holder);
    this.#world.history.commitApplied(shard.number, request.main, shard.retry);
    return true;
  }

  #progressCommits(): void {
    const { chance, plan, troubled, now } = this.#world;
    for (const commit of [...this.#commits]) {
      if (!chance.hit(plan.chances.ack)) continue;
      this.#commits = this.#commits.filter((one) => one !== commit);
      const { partition } = commit.request;
      const unlucky = troubled && chance.hit(plan.chances.commitLost);
      const applied = (!unlucky || chance.hit(0.5)) && this.#apply(commit);
      if (applied && !unlucky) {
        committed(this.engine, commit.request, now);
        this.engine.takeInBacklog(now);
      } else {
        commitFailed(commit.request);
        // Sooner or later the member learns that it is none any more.
        if (!applied && !unlucky && chance.hit(0.3) && this.engine.partitions.get(partition.number) === partition) this.lose(partition.number);
      }
      this.#perform();
    }
  }

  #perform(): void {
    for (const effect of this.engine.takeEffects()) this.#performOne(effect);
  }

  #performOne(effect: Effect): void {
    const { history, trace, shards } = this.#world;
    const partition = this.engine.partitions.get(effect.partition);
    switch (effect.type) {
      case 'resume':
      case 'pause': {
        const positions = this.#positions.get(effect.partition);
        if (positions !== undefined) positions[effect.stream] = effect.type === 'resume' ? effect.offset : null;
        return;
      }
      case 'abort':
        for (const running of this.#running) if (running.job.lane.partition.reign === effect.reign) running.aborted = true;
        return;
      case 'cancel':
        for (const running of this.#running) if (running.job === effect.job) running.aborted = true;
        return;
      case 'reassign':
        if (partition !== undefined) this.#reassigning.set(effect.partition, partition);
        return;
      case 'drained':
        if (partition === undefined) return;
        trace?.('drained', partition.holder);
        if (this.#running.some((running) => running.job.lane.partition === partition)) history.flag('drained while attempts run', partition.holder);
        if (partition.phase === 'active') history.drained(partition);
        this.handedOver.push(effect.partition);
        return;
      case 'notice': {
        const { notice } = effect;
        trace?.('notice', partition?.holder ?? effect.partition, JSON.stringify(notice));
        if (notice.type === 'command-applied' && notice.command === 'discard' && notice.found) history.discarded(effect.partition, notice.origin, partition?.epoch ?? 0);
        if (notice.type === 'command-applied' && notice.found && partition !== undefined) {
          // A zombie may have acted before it read on: its time to tell is not the time of its act.
          if (notice.command === 'redrive' && this.#legitimate(partition)) history.redriven(partition, notice.origin);
          const runs = this.#running.some(({ job }) => job.lane.partition === partition && job.offset === notice.origin);
          if (notice.command === 'cancel' && !runs) history.cancelled(effect.partition, notice.origin);
        }
        if (notice.type === 'active' && partition !== undefined) this.#checkRestored(partition, shards[effect.partition] as Shard);
        return;
      }
    }
  }

  /** Who waits in memory is who waits in the log. */
  #checkRestored(partition: Partition, shard: Shard): void {
    const restored = [...partition.room.values()].filter((job) => job.room === 'in').map((job) => job.offset).sort((a, b) => a - b);
    for (const offset of restored) this.#world.history.restored(shard.number, offset);
    const expected = shard.retry.waitingAtLease.get(partition.holder) ?? [];
    if (restored.join() !== expected.join()) this.#world.history.flag('restored otherwise than the log says', `${partition.holder}: ${restored.join()} for ${expected.join()}`);
  }
}
