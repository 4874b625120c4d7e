/** A replay, and what it is about as JSON: first counted in a dry run, then run. Says both, and whether it is complete; asked to stop it leaves off. */
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { ReplayWish } from '../plays/playReplay.ts';
import { readVictim } from './parameters.ts';
import { witnessedJob } from './witnessedJob.ts';

const parameters = readVictim();
const { brokers, registryUrl, workerId, concurrency, sessionTimeoutMs, drainTimeoutMs, workload: { queue } } = parameters;
const { name, perSecond, offsets } = JSON.parse(process.argv[2] ?? '{}') as ReplayWish;
const say = (line: string): void => { process.stdout.write(`${line}\n`); };
const millrace = createMillrace({ brokers, registryUrl, logger: createLogger({ level: 'silent', service: 'replay', clock: systemClock }) });
const stop = new AbortController();
process.on('SIGTERM', () => { stop.abort(); });
process.stdin.on('end', () => { process.exit(1); }).resume();
const job = witnessedJob(parameters);
const what = { name, range: { offsets: new Map(offsets.map(([partition, from, to]) => [partition, { from, to }])) } };
const { plan } = await millrace.replay(queue, [job], { ...what, dryRun: true });
say(`counted ${plan.jobs}`);
const { complete } = await millrace.replay(queue, [job], { ...what, perSecond, signal: stop.signal, worker: { workerId, concurrency, sessionTimeoutMs, drainTimeoutMs } });
say(complete ? 'complete' : 'stopped');
globalThis.__failpoint.phase = 'stop';
await millrace.close();
process.exit(0);
