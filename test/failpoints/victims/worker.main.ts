/**
 * A worker of an application: `createMillrace` and `work`. Says `ready` and each loss of partitions. `--no-topics`: it makes none; `--isolated`: its kind
 * runs in sandboxes; `--effects` and `--claims`: see `effectsJob` and `claimsJob`, with the database and the folder that the environment names.
 */
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { QueueObserver } from '../../../shared/worker/observer.ts';
import { largePayloadsIn } from '../claims.ts';
import { claimsJob } from './claimsJob.ts';
import { effectsJob } from './effectsJob.ts';
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
const { FAILPOINT_DATABASE: database, FAILPOINT_FOLDER: folder } = process.env;
const millrace = createMillrace({ brokers, registryUrl, topics, ...(database === undefined ? {} : { database }), ...(folder === undefined ? {} : { largePayloads: largePayloadsIn(folder) }), logger: createLogger({ level: 'silent', service: 'victim', clock: systemClock }) });
process.on('SIGTERM', () => { void millrace.close().then(() => { process.exit(0); }); });
process.stdin.on('end', () => { process.exit(1); }).resume();
const has = (flag: string): boolean => process.argv.includes(flag);
const job = has('--effects') ? effectsJob(parameters) : has('--claims') ? claimsJob(parameters) : witnessedJob(parameters);
const isolated = { ...job, handle: null, isolated: { handler: new URL('./isolatedStep.ts', import.meta.url).href, maxMemoryBytes: 512 * 1024 * 1024 } };
await millrace.work([has('--isolated') ? isolated : job], {
  sandboxes: 2, abortGraceMs: 100, workerId, concurrency, sessionTimeoutMs, drainTimeoutMs, observe: () => observer,
  ...(frontierPatienceMs === null ? {} : { limits: { frontierPatienceMs } }),
});
say('ready');
