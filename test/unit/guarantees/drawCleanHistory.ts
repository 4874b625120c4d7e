import type { AcceptedJob, AttemptOutcome, BuriedCopy, CommitSight, Cut, History, JobRules, WitnessLine } from '../../guarantees/history.ts';
import { atMostOnce } from '../../guarantees/promises/atMostOnce.ts';
import { boundedLoss } from '../../guarantees/promises/boundedLoss.ts';
import { boundedRepeats } from '../../guarantees/promises/boundedRepeats.ts';
import { commitsBehindSettled } from '../../guarantees/promises/commitsBehindSettled.ts';
import { deadLetterFidelity } from '../../guarantees/promises/deadLetterFidelity.ts';
import { givingUp } from '../../guarantees/promises/everyPromise.ts';
import type { Guarantee, Terms } from '../../guarantees/promises/guarantee.ts';
import { keyOrder } from '../../guarantees/promises/keyOrder.ts';
import { noOverlap } from '../../guarantees/promises/noOverlap.ts';
import { nothingLost } from '../../guarantees/promises/nothingLost.ts';
import { createDice, type Dice } from '../../simulator/dice.ts';

/** A history that breaks nothing, and the terms that it is held to. */
export interface CleanHistory {
  readonly history: History;
  readonly terms: Terms;
}

const FLUSH_WINDOW_MS = 300;
const STEPS = 120;

interface Job extends AcceptedJob {
  attempt: number;
  round: number;
  dueMs: number;
  state: 'waiting' | 'running' | 'held' | 'finished';
  everWaited: boolean;
}

interface Run {
  readonly job: Job;
  readonly line: Omit<WitnessLine, 'type' | 'atMs'>;
  /** As the job was before it, for whoever does it again. */
  readonly before: Pick<Job, 'attempt' | 'round' | 'dueMs' | 'everWaited'>;
  endMs: number | null;
}

/**
 * Draws what a correct system of another make could have done: no code of millrace is in it, only its promises. Jobs come, run, fail, wait, are
 * buried, held and called back; workers are killed and stop, and then as much is done again as the promises allow.
 */
export function drawCleanHistory(seed: number): CleanHistory {
  const dice = createDice(seed, 'clean history');
  const isOnce = dice.hit(0.2);
  const order = dice.weighted({ strict: 6, relaxed: 2, none: 1 });
  const policy: JobRules = { order, whenBuried: order === 'strict' && !isOnce && dice.hit(0.4) ? 'hold' : 'continue', attempts: isOnce ? 1 : dice.between(1, 4), backoff: { firstMs: dice.pick([10, 100]), factor: dice.pick([1, 2]), maxMs: 400 } };
  const system = new IdealSystem(dice, policy, isOnce);
  for (let step = 0; step < STEPS; step++) system.step();
  system.finish();
  return { history: system.history(), terms: termsOf(policy, isOnce) };
}

function termsOf({ order }: JobRules, isOnce: boolean): Terms {
  const givenUp: { promise: Guarantee; because: string }[] = [];
  if (order !== 'strict' || isOnce) givenUp.push({ promise: keyOrder, because: 'a waiting job is overtaken, or a lost one never ends' });
  if (order === 'none') givenUp.push({ promise: noOverlap, because: 'jobs of one entity run side by side' });
  if (isOnce) givenUp.push(...[nothingLost, commitsBehindSettled, deadLetterFidelity, boundedRepeats].map((promise) => ({ promise, because: 'at most once' })));
  return givingUp(givenUp, isOnce && order === 'strict' ? [boundedLoss, atMostOnce] : []);
}

/** One worker and one fence a partition at a time; whatever ended is durable after less than the flush window. */
class IdealSystem {
  readonly #dice: Dice;
  readonly #policy: JobRules;
  readonly #isOnce: boolean;
  readonly #owners: { worker: string; fence: number }[];
  readonly #jobs: Job[] = [];
  readonly #lines: WitnessLine[] = [];
  readonly #cuts: Cut[] = [];
  readonly #buried: BuriedCopy[] = [];
  readonly #commits: CommitSight[] = [];
  #runs: Run[] = [];
  #nowMs = 1_000_000;
  #workers = 0;
  #runCount = 0;

  constructor(dice: Dice, policy: JobRules, isOnce: boolean) {
    this.#dice = dice;
    this.#policy = policy;
    this.#isOnce = isOnce;
    this.#owners = Array.from({ length: dice.between(1, 3) }, () => ({ worker: `w${++this.#workers}`, fence: 1 }));
  }

  step(): void {
    this.#nowMs += this.#dice.next() * 30;
    switch (this.#dice.weighted({ accept: 4, start: 8, end: 8, kill: 0.3, handOver: 0.4, commit: 1, redrive: 0.5 })) {
      case 'accept': { this.#accept(); return; }
      case 'start': { this.#start(); return; }
      case 'end': { this.#end(); return; }
      case 'kill': { this.#cutOff(true); return; }
      case 'handOver': { this.#cutOff(false); return; }
      case 'commit': { this.#commit(); return; }
      case 'redrive': { this.#redrive(); }
    }
  }

  /** Heals and drains. */
  finish(): void {
    while (this.#jobs.some(({ state }) => state !== 'finished')) {
      this.#nowMs += 50;
      this.#redrive();
      this.#start();
      this.#end();
    }
    this.#commit();
  }

  history(): History {
    const accepted = this.#jobs.map(({ id, entity, sequence, partition, offset }) => ({ id, entity, sequence, partition, offset }));
    return { policy: this.#policy, accepted, lines: this.#lines, cuts: this.#cuts, buried: this.#buried, commits: this.#commits, flushWindowMs: FLUSH_WINDOW_MS };
  }

  #accept(): void {
    const number = this.#dice.between(1, 6);
    const partition = number % this.#owners.length;
    const offset = this.#jobs.filter((job) => job.partition === partition).length;
    this.#jobs.push({ id: `${partition}/${offset}`, entity: `e${number}`, sequence: offset, partition, offset, attempt: 1, round: 0, dueMs: 0, state: 'waiting', everWaited: false });
  }

  #mayStart(job: Job): boolean {
    if (job.state !== 'waiting' || job.dueMs > this.#nowMs) return false;
    const others = this.#jobs.filter(({ entity }) => entity === job.entity);
    switch (this.#policy.order) {
      case 'strict': return others.every((other) => other.offset >= job.offset || other.state === 'finished');
      case 'relaxed': return others.every(({ state }) => state !== 'running');
      case 'none': return true;
    }
  }

  #start(): void {
    const ready = this.#jobs.filter((job) => this.#mayStart(job));
    if (ready.length === 0) return;
    const job = this.#dice.pick(ready);
    const { worker, fence } = this.#owners[job.partition] as { worker: string; fence: number };
    const { id, entity, sequence, attempt, round, dueMs, everWaited } = job;
    job.state = 'running';
    const line = { id, entity, sequence, attempt, fence, worker, run: ++this.#runCount, round };
    this.#runs.push({ job, line, before: { attempt, round, dueMs, everWaited }, endMs: null });
    this.#lines.push({ type: 'start', ...line, atMs: this.#nowMs });
  }

  #end(): void {
    const running = this.#runs.filter(({ endMs }) => endMs === null);
    if (running.length > 0) this.#endRun(this.#dice.pick(running), this.#dice.weighted({ done: 6, retry: 3, snooze: this.#isOnce ? 0 : 1, dead: 1 }));
  }

  #endRun(run: Run, outcome: AttemptOutcome): void {
    const { job, line } = run;
    const askedMs = outcome === 'snooze' || (outcome === 'retry' && this.#dice.hit(0.2)) ? this.#dice.between(1, 200) : undefined;
    run.endMs = this.#nowMs;
    if (outcome === 'done') this.#lines.push({ type: 'effect', ...line, atMs: this.#nowMs });
    this.#lines.push({ type: 'end', ...line, atMs: this.#nowMs, outcome, ...(askedMs === undefined ? {} : { askedMs }) });
    const { attempts, backoff, whenBuried } = this.#policy;
    if (outcome === 'done') job.state = 'finished';
    else if (outcome === 'dead' || (outcome === 'retry' && job.attempt >= attempts)) {
      this.#bury(job, outcome === 'dead' ? this.#dice.pick(['dead', 'permanent']) : 'attempts');
      job.state = whenBuried === 'hold' ? 'held' : 'finished';
      job.everWaited ||= whenBuried === 'hold';
    } else {
      job.state = 'waiting';
      if (outcome === 'aborted') return;
      job.everWaited = true;
      job.dueMs = this.#nowMs + (askedMs ?? Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (job.attempt - 1)));
      if (outcome === 'retry') job.attempt++;
    }
  }

  #bury({ id, attempt, entity }: Job, reason: string): void {
    const record = { key: entity, value: id };
    this.#buried.push({ id, attempts: attempt, reason, firstFailure: 'E', lastFailure: 'E', copy: record, origin: { ...record, timestampMs: 7 }, originTimestampMs: 7 });
  }

  /** A held job is called back, with fresh attempts. */
  #redrive(): void {
    const held = this.#jobs.filter(({ state }) => state === 'held');
    if (held.length > 0) Object.assign(this.#dice.pick(held), { state: 'waiting', attempt: 1, dueMs: 0 }).round++;
  }

  /** A worker goes: killed, or cleanly, when what runs is aborted. Another one has its partitions, each with a higher fence. */
  #cutOff(isKill: boolean): void {
    const gone = this.#dice.pick(this.#owners).worker;
    const heir = `w${++this.#workers}`;
    if (isKill) {
      this.#cuts.push({ type: 'killed', worker: gone, atMs: this.#nowMs });
      this.#forget(gone);
    } else for (const run of this.#runs) if (run.endMs === null && run.line.worker === gone) this.#leave(run);
    for (const owner of this.#owners) if (owner.worker === gone) Object.assign(owner, { worker: heir, fence: owner.fence + 1 });
    this.#runs = this.#runs.filter(({ line }) => line.worker !== gone);
    this.#nowMs += 1;
  }

  #leave(run: Run): void {
    // At most once, an attempt cannot begin again: a clean stop lets it end.
    this.#endRun(run, this.#isOnce ? 'done' : 'aborted');
  }

  /** What was in flight, and of each lane an end of what had ended just before, was never durable. */
  #forget(worker: string): void {
    const mine = this.#runs.filter(({ line }) => line.worker === worker);
    for (const [, runs] of Map.groupBy(mine, ({ job }) => (this.#policy.order === 'strict' ? job.entity : job.id))) {
      if (this.#isOnce) {
        for (const { job, endMs } of runs) if (endMs === null) job.state = 'finished';
        continue;
      }
      const open = runs.findIndex(({ endMs }) => endMs === null || endMs > this.#nowMs - FLUSH_WINDOW_MS);
      if (open < 0) continue;
      const from = this.#dice.between(open, runs.length);
      const running = runs.findIndex(({ endMs }) => endMs === null);
      const lost = runs.slice(running < 0 ? from : Math.min(from, running));
      // A redrive is a record of its own, and durable.
      if (lost.some(({ job, before }) => job.round !== before.round)) {
        for (const { job, before, endMs } of lost) if (endMs === null) Object.assign(job, before, { state: 'waiting' });
        continue;
      }
      for (const { job, before } of lost.reverse()) Object.assign(job, before, { state: 'waiting', everWaited: job.everWaited || before.everWaited });
    }
  }

  /** Somebody looks at what is committed: part of what is finished or in the room. */
  #commit(): void {
    const settled = new Map<number, { offset: number; above: Set<number> }>();
    for (const [partition] of this.#owners.entries()) {
      const jobs = this.#jobs.filter((job) => job.partition === partition);
      const isSettled = (job: Job): boolean => job.state === 'finished' || job.everWaited;
      const frontier = jobs.findIndex((job) => !isSettled(job));
      const offset = this.#dice.between(0, frontier < 0 ? jobs.length : frontier);
      settled.set(partition, { offset, above: new Set(jobs.filter((job) => job.offset >= offset && isSettled(job) && this.#dice.hit(0.5)).map((job) => job.offset)) });
    }
    this.#commits.push({ settled, waited: new Set(this.#jobs.filter(({ everWaited }) => everWaited).map(({ id }) => id)), lines: this.#lines.length });
  }
}
