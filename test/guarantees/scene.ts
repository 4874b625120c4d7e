import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jobV1, type JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import type { PayloadSchema } from '../../schemas/payloadSchema.ts';
import type { LargePayloadOptions } from '../../shared/claims/largePayloads.ts';
import type { JobDefinition } from '../../shared/jobs/jobDefinition.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import type { Admin, Broker } from '../../shared/kafka/port.ts';
import { createMillrace, type Millrace } from '../../shared/millrace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { uniqueName } from '../topicNames.ts';
import type { AcceptedJob, CommitSight, Cut, History } from './history.ts';
import { defineStep, stepPayload } from './process/stepJob.ts';
import { plainWorkload, type Workload } from './process/workload.ts';
import type { WorkerParameters } from './process/workerParameters.ts';
import { WorkerProcess } from './process/workerProcess.ts';
import { readBuriedCopies } from './readBuriedCopies.ts';
import { sightCommits } from './sightCommits.ts';
import { WitnessReader } from './witnessFile.ts';

/** One job: which of its entity. */
export type Step = Pick<AcceptedJob, 'entity' | 'sequence'>;

export interface SceneOptions {
  readonly brokers: string;
  readonly registryUrl: string;
  readonly partitions?: number;
  readonly workload?: Partial<Workload>;
  /** Where payloads go that are too large for the scene. Default: all travel by Kafka. */
  readonly largePayloads?: LargePayloadOptions;
  /** Default {@link stepPayload}. */
  readonly payloadOf?: (entity: string, sequence: number) => JobV1;
}

const DEFAULT_PARTITIONS = 6;
const POLL_MS = 20;
const DEADLINE_MS = 60_000;
/** Two flushes (a job leaves the waiting room with the second), and what a machine with two busy cores takes to make them durable. */
const FLUSH_WINDOW_MS = 700;

/** One scenario: a queue of its own on real Kafka, workers as processes, and the witness that they write to. */
export class Scene {
  readonly workload: Workload;
  readonly workers: WorkerProcess[] = [];
  readonly accepted: AcceptedJob[] = [];
  readonly millrace: Millrace;
  readonly broker: Broker;
  readonly admin: Admin;
  readonly #options: SceneOptions;
  readonly #folder: string;
  readonly #descriptor: number;
  readonly #witness: WitnessReader;
  readonly #cuts: Cut[] = [];
  readonly #commits: CommitSight[] = [];
  readonly #jobs = new Map<PayloadSchema<JobV1>, JobDefinition<string, JobV1>>();

  private constructor(options: SceneOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.workload = { ...plainWorkload, queue: uniqueName('guarantee'), ...options.workload };
    this.#descriptor = openSync(this.#witnessFile, 'a+');
    this.#witness = new WitnessReader(this.#descriptor);
    this.broker = createKafkajsBroker({ brokers: options.brokers.split(',') });
    this.admin = this.broker.createAdmin({ clientId: 'scene' });
    this.millrace = createMillrace({
      brokers: options.brokers, registryUrl: options.registryUrl, topics: { partitions: options.partitions ?? DEFAULT_PARTITIONS, replicationFactor: 1 },
      ...(options.largePayloads === undefined ? {} : { largePayloads: options.largePayloads }),
      logger: createLogger({ level: 'silent', service: 'scene', clock: systemClock }),
    });
  }

  static async open(options: SceneOptions): Promise<Scene> {
    return new Scene(options, await mkdtemp(join(tmpdir(), 'millrace-witness-')));
  }

  get #witnessFile(): string { return join(this.#folder, 'witness.jsonl'); }
  get #mendedFile(): string { return join(this.#folder, 'mended'); }
  /** For other programs than the scene's workers. */
  get files(): { readonly witnessFile: string; readonly mendedFile: string } { return { witnessFile: this.#witnessFile, mendedFile: this.#mendedFile }; }

  get partitions(): number { return this.#options.partitions ?? DEFAULT_PARTITIONS; }
  get cuts(): readonly Cut[] { return this.#cuts; }

  /** The witness, as far as it is written. */
  get lines(): History['lines'] {
    return this.#witness.read();
  }

  /** Enqueues jobs 1 to `jobs` of each entity, the first of all entities first. Makes the topics. */
  async enqueue(entities: readonly string[], jobs: number, from = 1): Promise<void> {
    await this.enqueueSteps(Array.from({ length: jobs }, (_, index) => entities.map((entity) => ({ entity, sequence: from + index }))).flat());
  }

  /** Enqueues these jobs in this order. */
  async enqueueSteps(steps: readonly Step[], schema: PayloadSchema<JobV1> = jobV1): Promise<void> {
    let job = this.#jobs.get(schema);
    if (job === undefined) {
      job = defineStep(this.workload, { worker: 'scene', write: () => undefined, isMended: () => false, nowMs: () => 0 }, schema);
      this.#jobs.set(schema, job);
    }
    const receipts = await this.millrace.enqueueMany(job, steps.map(({ entity, sequence }) => (this.#options.payloadOf ?? stepPayload)(entity, sequence)));
    for (const [index, { id, partition, offset }] of receipts.entries()) this.accepted.push({ ...steps[index] as Step, id, partition, offset });
  }

  /** Starts a worker; returns when it is a member of the group. */
  async startWorker(parameters: Partial<WorkerParameters> = {}): Promise<WorkerProcess> {
    const worker = this.spawnWorker(parameters);
    await this.until(`${worker.workerId} to be ready`, () => worker.has('ready'));
    return worker;
  }

  /** The same without waiting for anything. */
  spawnWorker(parameters: Partial<WorkerParameters> = {}): WorkerProcess {
    const worker = WorkerProcess.spawn({
      brokers: this.#options.brokers, registryUrl: this.#options.registryUrl, workerId: `w${this.workers.length + 1}`, workload: this.workload,
      witnessFile: this.#witnessFile, mendedFile: this.#mendedFile,
      concurrency: 100, sessionTimeoutMs: 4000, drainTimeoutMs: 20_000, frontierPatienceMs: null,
      ...parameters,
    });
    this.workers.push(worker);
    return worker;
  }

  /** SIGKILL: nothing is said, nothing is flushed. */
  async kill(worker: WorkerProcess): Promise<void> {
    this.#cuts.push({ type: 'killed', worker: worker.workerId, atMs: Date.now() });
    worker.signal('SIGKILL');
    await worker.ended;
  }

  /** SIGTERM: it drains and leaves. @throws when its exit is not clean */
  async stop(worker: WorkerProcess): Promise<void> {
    worker.signal('SIGTERM');
    const { code, signal } = await worker.ended;
    if (code !== 0) throw new Error(`${worker.workerId} ended with ${code ?? signal}: ${worker.errors}`);
  }

  freeze(worker: WorkerProcess): void {
    this.#cuts.push({ type: 'frozen', worker: worker.workerId, atMs: Date.now() });
    worker.signal('SIGSTOP');
  }

  thaw(worker: WorkerProcess): void {
    worker.signal('SIGCONT');
  }

  /** From now on the jobs that were buried succeed, and the long one is short. */
  async mend(): Promise<void> {
    await writeFile(this.#mendedFile, '');
  }

  /** @throws when the deadline passes, or a worker that was not killed ends by itself */
  async until(what: string, condition: () => boolean | Promise<boolean>, deadlineMs = DEADLINE_MS): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (!await condition()) {
      if (performance.now() > endMs) throw new Error(`waited in vain for ${what}\n${this.#describe()}`);
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    }
  }

  /** Each of these workers has begun an attempt: what happens to it now happens in mid-run. */
  untilBusy(...workers: readonly WorkerProcess[]): Promise<void> {
    return this.until(`${workers.map(({ workerId }) => workerId).join(', ')} to run jobs`, () => {
      const busy = new Set(this.lines.map(({ worker }) => worker));
      return workers.every(({ workerId }) => busy.has(workerId));
    });
  }

  /** The partitions that this worker was the last to open. */
  heldBy(worker: WorkerProcess): number[] {
    const latest = new Map<number, { readonly epoch: number; readonly worker: WorkerProcess }>();
    for (const one of this.workers) {
      for (const { partition, epoch } of one.all('active')) if (epoch > (latest.get(partition)?.epoch ?? -1)) latest.set(partition, { epoch, worker: one });
    }
    return [...latest].filter(([, holder]) => holder.worker === worker).map(([partition]) => partition);
  }

  /** How many different jobs are done so far. */
  get doneJobs(): number {
    this.#witness.read();
    return this.#witness.done.size;
  }

  untilDone(count: number, deadlineMs = DEADLINE_MS): Promise<void> {
    return this.until(`${count} of ${this.accepted.length} jobs to be done`, () => this.doneJobs >= count, deadlineMs);
  }

  /** Everything of the main topic is committed: it is done, buried or in the waiting room. */
  untilCommitted(): Promise<void> {
    const { queue } = this.workload;
    return this.until('the commits to reach the end of the main topic', async () => {
      const [bounds, committed] = await Promise.all([this.admin.logBounds(queue), this.admin.committed(`millrace.${queue}`, queue)]);
      return bounds.every(({ partition, endOffset }) => endOffset === 0 || committed.find((one) => one.partition === partition)?.position?.offset === endOffset);
    });
  }

  /** Notes what is committed now, for the promise that commits stay behind what is settled. */
  async sightCommits(): Promise<CommitSight> {
    const sight = await sightCommits(this.broker, this.admin, this.workload.queue, () => this.lines.length);
    this.#commits.push(sight);
    return sight;
  }

  async history(): Promise<History> {
    return { ...this.historySoFar(), buried: await readBuriedCopies(this.broker, this.admin, this.workload.queue) };
  }

  /** The same without the dead letters, and so without asking Kafka. */
  historySoFar(): History {
    const { order, whenBuried, attempts, backoff } = this.workload;
    return {
      policy: { order, whenBuried, attempts, backoff },
      accepted: this.accepted,
      lines: [...this.lines],
      cuts: this.#cuts,
      buried: [],
      commits: this.#commits,
      flushWindowMs: FLUSH_WINDOW_MS,
    };
  }

  async close(): Promise<void> {
    for (const worker of this.workers) if (worker.alive) worker.signal('SIGKILL');
    await Promise.all(this.workers.map((worker) => worker.ended));
    await this.millrace.close();
    await this.admin.close();
    closeSync(this.#descriptor);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #describe(): string {
    const workers = this.workers.map(({ workerId, said, errors, alive }) => `${workerId} (${alive ? 'alive' : 'gone'}): ${JSON.stringify(said.filter(({ type }) => type !== 'produced').slice(-8))} ${errors.slice(-500)}`);
    return [`witness: ${this.lines.length} lines, ${this.doneJobs} of ${this.accepted.length} done`, ...workers].join('\n');
  }
}
