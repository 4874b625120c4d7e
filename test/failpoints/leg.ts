import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Cut } from '../guarantees/history.ts';
import { isPoison } from '../guarantees/process/workload.ts';
import type { WorkerParameters } from '../guarantees/process/workerParameters.ts';
import type { Scene } from '../guarantees/scene.ts';
import { ArmedProcess, type Program } from './armedProcess.ts';
import type { Arming, Visited } from './arming.ts';
import type { Armed } from './failpoint.ts';
import type { SandboxDeath } from './tellSandboxDeaths.ts';

/** A worker that is armed with nothing. */
export interface Survivor {
  /** @throws when its end is not clean */
  stop(): Promise<void>;
}

/** What all legs of a tour share. */
export interface Tour {
  readonly scene: Scene;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly codeFile: string;
  /** Address of a PostgreSQL of its own; null: its stage wants none. */
  readonly databaseUrl: string | null;
  /** For death, visit and receipt files. */
  readonly folder: string;
  /** Services that are armed with nothing, by name; they end with the tour. */
  readonly helpers: Map<string, ArmedProcess>;
  /** The worker that is armed with nothing; it finishes what the dead leave. */
  survivor: Survivor | null;
  /** What a play keeps open over its legs; closed at the tour's end. */
  readonly closers: (() => Promise<void>)[];
  /** Starts the stage's kind of survivor. */
  readonly startSurvivor: (workerId: string) => Promise<Survivor>;
  readonly cuts: Cut[];
  readonly sandboxDeaths: SandboxDeath[];
  readonly violations: string[];
  /** Members that Kafka forgot although they lived: on a busy machine, or for their bad network. */
  expulsions: number;
}

export const JOBS = 4;
const ENTITIES = 12;
/** From an attempt's end to the start of the commit that makes it durable, where acks come at once: flushes are 100 ms apart. */
export const FLUSH_WINDOW_MS = 1000;

/** One visit of a tour: entities of its own, and one process after the other that is armed. */
export class Leg {
  readonly tour: Tour;
  readonly name: string;
  readonly entities: readonly string[];
  readonly victims: ArmedProcess[] = [];
  /** Ids of buried jobs that hold their lane no more. */
  readonly freed = new Set<string>();
  readonly #recordsVisits: boolean;
  readonly #startedMs = Date.now();
  #batches = 0;

  constructor(tour: Tour, name: string, recordsVisits: boolean) {
    this.tour = tour;
    this.name = name;
    this.entities = Array.from({ length: ENTITIES }, (_, index) => `${name}-e${index}`);
    this.#recordsVisits = recordsVisits;
  }

  get scene(): Scene {
    return this.tour.scene;
  }

  spawn(program: Program, armed: Armed | null, trouble: Partial<Arming> = {}, parameters: Partial<WorkerParameters> = {}): ArmedProcess {
    const victim = spawnArmed(this.tour, `${this.name}-v${this.victims.length + 1}`, program, { armed, ...trouble }, parameters, this.#recordsVisits);
    this.victims.push(victim);
    return victim;
  }

  /** The next jobs of the leg's entities. */
  async enqueue(): Promise<void> {
    await this.scene.enqueue(this.entities, JOBS, 1 + JOBS * this.#batches);
    this.#batches += 1;
  }

  /** The victim runs a job. */
  isBusy(victim: ArmedProcess): boolean {
    return this.scene.lines.some(({ worker }) => worker === victim.name);
  }

  owns(entity: string): boolean {
    return entity.startsWith(`${this.name}-`);
  }

  /** Each job of the leg that is in Kafka is done, has failed for the last time, or is held by one that has. */
  isSettled(): boolean {
    const { workload, accepted, lines } = this.scene;
    const over = new Set<string>();
    for (const { type, id, outcome, attempt, entity } of lines) {
      if (type === 'end' && this.owns(entity) && (outcome === 'done' || outcome === 'dead' || (outcome === 'retry' && attempt >= workload.attempts))) over.add(id);
    }
    const mine = accepted.filter(({ entity }) => this.owns(entity));
    const heldFrom = new Map<string, number>();
    if (workload.whenBuried === 'hold') {
      for (const { id, entity, sequence } of mine) {
        if (isPoison(workload, entity, sequence) && !this.freed.has(id)) heldFrom.set(entity, Math.min(sequence, heldFrom.get(entity) ?? Infinity));
      }
    }
    return mine.every(({ id, entity, sequence }) => over.has(id) || sequence > (heldFrom.get(entity) ?? Infinity));
  }

  untilSettled(): Promise<void> {
    return this.scene.until(`the jobs of ${this.name} to be settled`, () => this.isSettled());
  }

  /** Waits for the end of a process that was asked for it or is to die, and notes what it was. @param mayFail it may give up, told by its exit code */
  async untilGone(victim: ArmedProcess, mayFail = false): Promise<void> {
    await this.scene.until(`${victim.name} to be gone (${JSON.stringify(victim.arming.armed)}): ${victim.lines.slice(-5).join(' | ')}`, () => !victim.alive);
    const { death, wrong, losses } = victim;
    // A busy machine flushes late, and a bad network later: what counts is what the victim had got through.
    if (death !== null && !victim.diedItself) this.tour.sandboxDeaths.push({ pid: death.pid, worker: victim.name, atMs: death.atMs });
    if (death !== null && victim.diedItself) this.tour.cuts.push({ type: 'killed', worker: victim.name, atMs: death.atMs, sinceMs: (death.durableBeforeMs ?? this.#startedMs) - FLUSH_WINDOW_MS });
    if (losses > 0 || (victim.arming.darkFrom ?? null) !== null) {
      this.tour.expulsions += losses > 0 ? 1 : 0;
      this.tour.cuts.push({ type: 'expelled', worker: victim.name, atMs: this.#startedMs });
    }
    if (wrong !== null && !mayFail) this.tour.violations.push(`${this.name}: ${wrong}`);
  }

  /** What the processes of the leg saw that ended by themselves. */
  visited(): Visited[] {
    return this.victims.flatMap(({ arming: { visitFile }, death }) => (visitFile === null || death !== null ? [] : visitFilesOf(visitFile).map((file) => JSON.parse(readFileSync(file, 'utf8')) as Visited)));
  }
}

/** That of the process, and those of the processes and threads that it started. */
function visitFilesOf(file: string): string[] {
  return readdirSync(dirname(file)).filter((name) => name.startsWith(basename(file)) && !name.endsWith('.draft')).map((name) => join(dirname(file), name));
}

/** A service that is armed with nothing and goes on where others die: the one of that name, started when it is first asked for. */
export function helperOf(tour: Tour, name: string, program: Program, parameters: Partial<WorkerParameters> = {}): ArmedProcess {
  const helper = tour.helpers.get(name) ?? spawnArmed(tour, name, program, {}, parameters, false);
  tour.helpers.set(name, helper);
  return helper;
}

function spawnArmed(tour: Tour, workerId: string, program: Program, arming: Partial<Arming>, parameters: Partial<WorkerParameters>, recordsVisits: boolean): ArmedProcess {
  const { scene, brokers, registryUrl, codeFile, folder } = tour;
  return new ArmedProcess({
    brokers, registryUrl, workerId, workload: scene.workload, ...scene.files,
    concurrency: 100, sessionTimeoutMs: 2000, drainTimeoutMs: 10_000, frontierPatienceMs: null, ...parameters,
  }, {
    codeFile, armed: null, shakyNetwork: false, shakyRegistry: false,
    deathFile: join(folder, `${workerId}.death`),
    visitFile: recordsVisits ? join(folder, `${workerId}.visits`) : null,
    ...arming,
  }, program);
}
