import { existsSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { reportHealth } from '../../../shared/runtime/health.ts';
import { createLogger, type Logger } from '../../../shared/runtime/logger.ts';
import type { QueueObserver } from '../../../shared/worker/observer.ts';
import { createWorkerChecks } from '../../../shared/worker/workerHealth.ts';
import { createSayingObserver } from '../../guarantees/process/sayingObserver.ts';
import { defineStep } from '../../guarantees/process/stepJob.ts';
import type { Said, WorkerParameters } from '../../guarantees/process/workerParameters.ts';
import { chaosKinds } from '../chaosKinds.ts';
import { installMovableDate } from './movableDate.ts';
import type { WorkerCommand } from './workerCommand.ts';

/** One worker of a chaos run, as a process: it can be killed and frozen from outside, and does to itself what it is told to. */
const STALL_AFTER_MS = 20_000;
const LOOP_LOOK_MS = 250;
/** A loop that stands still for so long missed heartbeats. */
const STALL_MS = 2000;

const parameters = JSON.parse(process.argv[2] ?? '{}') as WorkerParameters;
const { brokers, registryUrl, workerId, workload } = parameters;
const moveDate = installMovableDate(globalThis);

// Synchronous writes to one appending descriptor: a line that was written is with the kernel, whatever becomes of this process.
const witness = openSync(parameters.witnessFile, 'a');
const say = (said: Said): void => { process.stdout.write(`${JSON.stringify(said)}\n`); };

const observer: QueueObserver = {
  ...createSayingObserver(say),
  // Jobs whose attempts are used up, or that said dead, are as many as the run makes: nobody is told each.
  buried: (buried, reason) => { if (reason !== 'attempts' && reason !== 'dead') say({ type: 'buried', id: buried.id, reason }); },
};

const logger = createLogger({ level: 'silent', service: 'chaos', clock: systemClock });
const millrace = createMillrace({ brokers, registryUrl, topics: false, logger });

let stopping = false;
const stop = async (): Promise<void> => {
  if (stopping) return;
  stopping = true;
  await millrace.close();
  say({ type: 'stopped' });
  process.exit(0);
};
process.on('SIGTERM', () => { void stop(); });
// The parent is gone: nobody looks any more.
process.stdin.on('end', () => { process.exit(1); });
createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as WorkerCommand;
  switch (command.do) {
    case 'block': {
      const untilMs = performance.now() + command.forMs;
      while (performance.now() < untilMs);
      return;
    }
    case 'jump':
      moveDate(command.toMs);
      return;
  }
});

let lookedMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  const ms = Math.round(nowMs - lookedMs - LOOP_LOOK_MS);
  lookedMs = nowMs;
  if (ms > STALL_MS) say({ type: 'stalled', ms });
}, LOOP_LOOK_MS);

const jobs = chaosKinds(workload).map((kind) => defineStep(kind, {
  worker: workerId,
  // Each effect stands right before its end.
  write: (line) => { if (line.type !== 'effect') writeSync(witness, `${JSON.stringify(line)}\n`); },
  isMended: () => existsSync(parameters.mendedFile),
  nowMs: () => performance.timeOrigin + performance.now(),
  placeOf: ({ logger: of }: JobContext) => {
    const { partition, offset } = (of as Logger).bindings() as { partition: number; offset: number };
    return `${partition}/${offset}`;
  },
}));

const worker = await millrace.work(jobs, {
  workerId,
  concurrency: parameters.concurrency,
  sessionTimeoutMs: parameters.sessionTimeoutMs,
  drainTimeoutMs: parameters.drainTimeoutMs,
  observe: () => observer,
  ...(parameters.frontierPatienceMs === null ? {} : { limits: { frontierPatienceMs: parameters.frontierPatienceMs } }),
});
say({ type: 'ready' });

const { live } = createWorkerChecks({ runners: () => worker.runners, clock: systemClock, stallAfterMs: STALL_AFTER_MS });
let wasLive = true;
setInterval(() => {
  const report = reportHealth(live);
  if (report.ok === wasLive) return;
  wasLive = report.ok;
  say({ type: 'health', live: report.ok, reason: Object.values(report.checks).map(({ reason }) => reason).join('; ') });
}, 1000);
