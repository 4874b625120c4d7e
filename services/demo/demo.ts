import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { readFlights } from '../../examples/flights/data.ts';
import { defineRecordDeparture } from '../../examples/flights/job.ts';
import { planRun, type RunPlan } from '../../examples/flights/planRun.ts';
import { openWitness, readWitness } from '../../examples/flights/witness.ts';
import { createCodec, createKafkajsBroker, createLogger, createMillrace, createRegistry, type Worker } from '../../shared/index.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { createLogObserver } from '../../shared/worker/logObserver.ts';
import { feed } from './feed.ts';
import type { DemoOptions } from './options.ts';
import { readQueueState, type QueueState } from './queueState.ts';
import { count, counted, type Screen } from './screen.ts';
import { createTally, type Tally } from './tally.ts';
import { describeVerdict, judge, type Verdict } from './verdict.ts';
import { until } from './until.ts';

export interface DemoSetting {
  readonly options: Pick<DemoOptions, 'records' | 'rate' | 'queue'>;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly homeDir: string;
  readonly screen: Screen;
  readonly reportEveryMs: number;
  readonly clock: Clock;
  /** Ends the feeding, and the waiting for what was fed. */
  readonly signal: AbortSignal;
}

export interface Demo {
  /** The verdict; null when it was stopped before the run was over. */
  readonly finished: Promise<Verdict | null>;
  /** Drains the worker and disconnects. */
  stop(): Promise<void>;
}

/** Nothing ends for so long: the run is judged as it is. */
const STALLED_AFTER_MS = 60_000;
/** After the last job's end its event, tombstone and offset are still under way. */
const SETTLES_WITHIN_MS = 15_000;
const DRAIN_MS = 10_000;
/** The rate that is shown is that of so long a time, whatever the distance of the reports. */
const RATE_OVER_MS = 2000;

/** Where the runs' witness files are. */
export function witnessFolder(homeDir: string): string {
  return join(homeDir, 'flights');
}

/** Forgets what earlier runs wrote; their topics are the stack's to clear. */
export async function forgetRuns(homeDir: string): Promise<void> {
  await rm(witnessFolder(homeDir), { recursive: true, force: true });
}

/** Starts a worker for the example's job and feeds it. @throws MillraceError of the broker or the registry */
export async function startDemo({ options, brokers, registryUrl, homeDir, screen, reportEveryMs, clock, signal }: DemoSetting): Promise<Demo> {
  const { queue } = options;
  await mkdir(homeDir, { recursive: true });
  const logFile = join(homeDir, 'worker.log');
  const logger = createLogger({ level: 'info', service: 'demo', clock, destination: pino.destination({ dest: logFile, sync: true }) });
  const broker = createKafkajsBroker({ brokers: brokers.split(',') });
  const registry = createRegistry({ url: registryUrl });
  const millrace = createMillrace({ brokers, registryUrl, broker, registry, source: '/demo', logger, clock });
  const admin = broker.createAdmin({ clientId: 'demo' });
  const producer = broker.createProducer({ clientId: 'demo-spoilt' });
  const close = async (): Promise<void> => {
    await millrace.close();
    await producer.close();
    await admin.close();
  };

  const run = new Date(clock.now()).toISOString().replaceAll(/[-:]/g, '').replace('.', '-');
  const plan = planRun(run, await readFlights(options.records));
  const tally = createTally(run);
  const earlierRuns = new Set<string>();
  const folder = witnessFolder(homeDir);
  const witness = openWitness(folder, (ofRun, line) => {
    if (ofRun !== run) earlierRuns.add(ofRun);
    tally.recorded(ofRun, line);
  });
  const job = defineRecordDeparture(queue, witness);
  const queueState = (): Promise<QueueState | null> => readQueueState(admin, queue, `millrace.${queue}`);

  const follow = async (worker: Worker): Promise<Verdict | null> => {
    const startedMs = clock.monotonic();
    const stopReports = reportProgress({ plan, tally, worker, screen, clock, everyMs: reportEveryMs, startedMs });
    let endedMs: number;
    try {
      await feed({
        millrace, job, producer, codec: createCodec({ registry, clock }), records: plan.records, rate: options.rate, clock, signal,
        enqueued: tally.enqueued,
      });
      await everythingEnds(plan, tally, clock, signal);
      endedMs = clock.monotonic();
      if (signal.aborted) return null;
      await until(clock, async () => waitingIn(worker) === 0 && (await queueState())?.uncommitted === 0, { everyMs: 200, withinMs: SETTLES_WITHIN_MS, signal });
    } finally {
      stopReports();
    }
    const verdict = judge({
      plan,
      tally: tally.read(),
      lines: await readWitness(folder, run),
      earlier: new Map(await Promise.all([...earlierRuns].map(async (one) => [one, await readWitness(folder, one)] as const))),
      deadLetters: await millrace.listBuried(queue),
      elapsedMs: endedMs - startedMs,
      left: { uncommitted: (await queueState())?.uncommitted ?? 0, waiting: waitingIn(worker) },
    });
    screen.tell('summary', verdict, describeVerdict(verdict, plan));
    return verdict;
  };

  try {
    const found = await queueState();
    await producer.start();
    const observer = createLogObserver(logger, queue);
    const worker = await millrace.work([job], {
      drainTimeoutMs: DRAIN_MS,
      observe: () => ({
        ...observer,
        buried(buriedJob, reason) {
          tally.buried(buriedJob.id);
          observer.buried(buriedJob, reason);
        },
      }),
    });
    await until(clock, () => worker.ready, { everyMs: 20, withinMs: SETTLES_WITHIN_MS, signal });
    tellFound(screen, found, waitingIn(worker));
    screen.tell('run', { run, queue, records: plan.records.length, workerLog: logFile }, [
      `run ${run}: ${counted(plan.records.length, 'record')} to the queue ${queue}: departures of ${counted(plan.jobs.size, 'airport')}, of which ${counted(plan.retried, 'job')} `
      + `will fail at first and ${counted(plan.buried.size, 'record')} must be buried (worker's log: ${logFile})`,
    ]);
    return { finished: follow(worker), stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function tellFound(screen: Screen, found: QueueState | null, waiting: number): void {
  // Beyond the committed offset lie jobs that nobody began, and some that are done already: the commit's metadata knows which.
  const open = found === null || found.uncommitted === 0 ? '' : `, ${counted(found.uncommitted, 'job')} beyond the committed offsets`;
  screen.tell('found', { ...(found ?? { jobs: 0, uncommitted: 0, buried: 0 }), waiting }, [
    found === null || found.jobs === 0
      ? 'found no jobs of earlier runs'
      : `found ${counted(found.jobs, 'job')} of earlier runs: ${count(found.buried)} buried, ${count(waiting)} waiting${open}`,
  ]);
}

async function everythingEnds(plan: RunPlan, tally: Tally, clock: Clock, signal: AbortSignal): Promise<void> {
  let seen = -1;
  let seenMs = clock.monotonic();
  await until(clock, () => {
    const { done, buried, failedAttempts, earlier } = tally.read();
    const progress = done + buried + failedAttempts + earlier;
    if (progress !== seen) [seen, seenMs] = [progress, clock.monotonic()];
    return done + buried >= plan.records.length || clock.monotonic() - seenMs > STALLED_AFTER_MS;
  }, { everyMs: 20, withinMs: Infinity, signal });
}

function waitingIn(worker: Worker): number {
  let waiting = 0;
  for (const { engine } of worker.runners) for (const { room } of engine.partitions.values()) waiting += room.size;
  return waiting;
}

/** Reports at once and then in turn; returns how to end that, with a last report. */
function reportProgress({ plan, tally, worker, screen, clock, everyMs, startedMs }: {
  readonly plan: RunPlan; readonly tally: Tally; readonly worker: Worker; readonly screen: Screen; readonly clock: Clock; readonly everyMs: number; readonly startedMs: number;
}): () => void {
  const past = [{ atMs: startedMs, done: 0 }];
  let cancel = (): void => undefined;
  const report = (): void => {
    const { enqueued, done, running, buried } = tally.read();
    const atMs = clock.monotonic();
    while (past.length > 1 && atMs - (past[1]?.atMs ?? atMs) >= RATE_OVER_MS) past.shift();
    const [since = { atMs, done }] = past;
    const jobsPerSecond = atMs > since.atMs ? ((done - since.done) * 1000) / (atMs - since.atMs) : 0;
    past.push({ atMs, done });
    screen.progress({ run: plan.run, total: plan.records.length, enqueued, done, running, waiting: waitingIn(worker), buried, jobsPerSecond, elapsedMs: atMs - startedMs });
  };
  const again = (): void => {
    report();
    cancel = clock.after(everyMs, again);
  };
  again();
  return () => {
    cancel();
    report();
  };
}
