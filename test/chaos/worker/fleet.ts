import { join } from 'node:path';
import type { Cut } from '../../guarantees/history.ts';
import type { Said, WorkerParameters } from '../../guarantees/process/workerParameters.ts';
import { WorkerProcess } from '../../guarantees/process/workerProcess.ts';
import type { WorkerCommand } from './workerCommand.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
/** Longer than any drain: who still runs then is stuck. */
const STOP_WITHIN_MS = 45_000;
const READY_WITHIN_MS = 60_000;
const REHIRE_AFTER_MS = 1000;

export interface FleetOptions {
  readonly parameters: Omit<WorkerParameters, 'workerId'>;
  readonly size: number;
  /** Something about a worker that a reader of the run should know, as it happens. */
  readonly tell: (line: string) => void;
}

/** What a worker said, and when (epoch ms). */
export interface Heard {
  readonly worker: string;
  readonly atMs: number;
  readonly said: Said;
}

/** A worker that ended without having been asked to. */
export interface Death {
  readonly worker: string;
  readonly atMs: number;
  readonly how: string;
  readonly errors: string;
  /** It had been a member. */
  readonly wasReady: boolean;
}

/** The worker processes of a run: starts, stops and hurts them, and does what a supervisor does: brings back what ended by itself. */
export class Fleet {
  readonly heard: Heard[] = [];
  readonly deaths: Death[] = [];
  readonly kills: { readonly worker: string; readonly atMs: number }[] = [];
  readonly cuts: Cut[] = [];
  /** How long clean stops took (ms). */
  readonly stops: { readonly worker: string; readonly atMs: number; readonly tookMs: number }[] = [];
  /** Workers that could be zombies after these moments. */
  readonly awakenings: { readonly worker: string; readonly atMs: number }[] = [];
  readonly #options: FleetOptions;
  readonly #workers = new Set<WorkerProcess>();
  /** A fault has hold of them. */
  readonly #held = new Set<WorkerProcess>();
  readonly #expected = new Set<WorkerProcess>();
  #hired = 0;
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get living(): readonly WorkerProcess[] {
    return [...this.#workers];
  }

  /** Members that no fault has hold of. */
  get free(): readonly WorkerProcess[] {
    return [...this.#workers].filter((worker) => worker.has('ready') && !this.#held.has(worker));
  }

  get size(): number {
    return this.#options.size;
  }

  hold(worker: WorkerProcess): void {
    this.#held.add(worker);
  }

  release(worker: WorkerProcess): void {
    this.#held.delete(worker);
  }

  /** Starts a worker; see {@link untilReady}. */
  hire(): WorkerProcess {
    const workerId = `w${++this.#hired}`;
    const worker = WorkerProcess.spawn({ ...this.#options.parameters, workerId }, MAIN, (said) => { this.#hear(workerId, said); });
    this.#workers.add(worker);
    void worker.ended.then(({ code, signal }) => {
      this.#workers.delete(worker);
      this.#held.delete(worker);
      if (this.#expected.has(worker) || this.#closed) return;
      this.deaths.push({ worker: workerId, atMs: Date.now(), how: signal ?? `exit code ${code ?? '?'}`, errors: worker.errors.slice(-2000), wasReady: worker.has('ready') });
      this.#options.tell(`${workerId} ended by itself: ${signal ?? `exit code ${code ?? '?'}`}${worker.has('ready') ? '' : ', before it was a member'}`);
      setTimeout(() => { if (!this.#closed) this.hire(); }, REHIRE_AFTER_MS);
    });
    return worker;
  }

  /** Resolves when it is a member, or gone, or late: then false. */
  async untilReady(worker: WorkerProcess): Promise<boolean> {
    const endMs = performance.now() + READY_WITHIN_MS;
    while (!worker.has('ready') && worker.alive && performance.now() < endMs) await new Promise((resolve) => { setTimeout(resolve, 50); });
    return worker.has('ready');
  }

  /** Hires until there are as many as there should be. */
  async fill(): Promise<void> {
    const hired: WorkerProcess[] = [];
    while (this.#workers.size < this.#options.size) hired.push(this.hire());
    await Promise.all(hired.map((worker) => this.untilReady(worker)));
  }

  /** SIGKILL: nothing is said, nothing is flushed. */
  async kill(worker: WorkerProcess): Promise<void> {
    const atMs = Date.now();
    this.#expected.add(worker);
    this.cuts.push({ type: 'killed', worker: worker.workerId, atMs });
    this.kills.push({ worker: worker.workerId, atMs });
    worker.signal('SIGKILL');
    await worker.ended;
  }

  /** SIGTERM; SIGKILL when that does not end it. @returns whether its end was clean */
  async stop(worker: WorkerProcess): Promise<boolean> {
    const atMs = Date.now();
    this.#expected.add(worker);
    worker.signal('SIGTERM');
    const late = Symbol('late');
    let timer: NodeJS.Timeout | undefined;
    const end = await Promise.race([worker.ended, new Promise<typeof late>((resolve) => { timer = setTimeout(() => { resolve(late); }, STOP_WITHIN_MS); })]);
    clearTimeout(timer);
    if (end === late) {
      this.#options.tell(`${worker.workerId} did not stop within ${STOP_WITHIN_MS / 1000} s: it is killed`);
      await this.kill(worker);
      return false;
    }
    this.stops.push({ worker: worker.workerId, atMs, tookMs: Date.now() - atMs });
    // Before it was up it could not know what a SIGTERM asks.
    if (end.code === 0 || !worker.has('ready')) return true;
    this.deaths.push({ worker: worker.workerId, atMs: Date.now(), how: `exit code ${end.code ?? end.signal ?? '?'} after SIGTERM`, errors: worker.errors.slice(-2000), wasReady: worker.has('ready') });
    return false;
  }

  freeze(worker: WorkerProcess): void {
    this.cuts.push({ type: 'frozen', worker: worker.workerId, atMs: Date.now() });
    worker.signal('SIGSTOP');
  }

  thaw(worker: WorkerProcess): void {
    this.awakenings.push({ worker: worker.workerId, atMs: Date.now() });
    worker.signal('SIGCONT');
  }

  /** Its event loop stands still for so long. */
  block(worker: WorkerProcess, forMs: number): void {
    this.cuts.push({ type: 'frozen', worker: worker.workerId, atMs: Date.now() });
    this.#tell(worker, { do: 'block', forMs });
  }

  /** Its wall clock is so far from the true time from now on. */
  jump(worker: WorkerProcess, toMs: number): void {
    this.#tell(worker, { do: 'jump', toMs });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const worker of this.#workers) {
      worker.signal('SIGCONT');
      worker.signal('SIGKILL');
    }
    await Promise.all([...this.#workers].map((worker) => worker.ended));
  }

  #tell(worker: WorkerProcess, command: WorkerCommand): void {
    worker.tell(command);
  }

  #hear(worker: string, said: Said): void {
    const atMs = Date.now();
    this.heard.push({ worker, atMs, said });
    // Whoever stood still longer than a session may have been given up by the group meanwhile.
    if (said.type === 'stalled') {
      this.cuts.push({ type: 'frozen', worker, atMs: atMs - said.ms });
      this.awakenings.push({ worker, atMs });
    }
    if (said.type === 'lost') this.awakenings.push({ worker, atMs });
    if (said.type === 'health') this.#options.tell(`${worker} says it is ${said.live ? 'live again' : 'not live'}: ${said.reason}`);
  }
}
