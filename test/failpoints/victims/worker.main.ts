/**
 * A worker of an application: `createMillrace` and `work`. Says `ready` and each loss of partitions. `--no-topics`: it makes none; `--isolated`: its kind
 * runs in sandboxes.
 */
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { QueueObserver } from '../../../shared/worker/observer.ts';
import { readVictim } from './parameters.ts';
import { witnessedJob } from './witnessedJob.ts';

const parameters = readVictim();
const { brokers, registryUrl, workerId, concurrency, sessionTimeoutMs, drainTimeoutMs, frontierPatienceMs } = parameters;
const say = (line: string): void => { process.stdout.write(`${line}\n`); };
const nothing = (): void => undefined;
const observer: QueueObserver = {
  attemptEnded: nothing, buried: nothing, commitFailed: nothing, schemaUnavailable: nothing, partitionsAssigned: nothing,
  attemptAbandoned: (job) => { say(`abandoned ${job.id}`); },
  notice: (partition, notice) => { if (notice.type === 'active') say(`active ${partition} ${notice.epoch}`); },
  partitionsLost: (partitions) => { say(`lost ${partitions.join(' ')}`); },
  trouble: (error) => { say(`trouble ${error.message}`); },
};

const topics = process.argv.includes('--no-topics') ? false : { partitions: 6, replicationFactor: 1 };
const millrace = createMillrace({ brokers, registryUrl, topics, logger: createLogger({ level: 'silent', service: 'victim', clock: systemClock }) });
process.on('SIGTERM', () => { void millrace.close().then(() => { process.exit(0); }); });
process.stdin.on('end', () => { process.exit(1); }).resume();
const job = witnessedJob(parameters);
const isolated = { ...job, handle: null, isolated: { handler: new URL('./isolatedStep.ts', import.meta.url).href, maxMemoryBytes: 512 * 1024 * 1024 } };
await millrace.work([process.argv.includes('--isolated') ? isolated : job], {
  sandboxes: 2, abortGraceMs: 100, workerId, concurrency, sessionTimeoutMs, drainTimeoutMs, observe: () => observer,
  ...(frontierPatienceMs === null ? {} : { limits: { frontierPatienceMs } }),
});
say('ready');
