/** An operator's command: `redrive` or `discard`, and the ids of the jobs. */
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { readVictim } from './parameters.ts';

const { brokers, registryUrl, workload: { queue } } = readVictim();
const [command, ...ids] = process.argv.slice(2);
const wanted = new Set(ids);
const millrace = createMillrace({ brokers, registryUrl, logger: createLogger({ level: 'silent', service: 'command', clock: systemClock }) });

process.stdin.on('end', () => { process.exit(1); }).resume();
const buried = await millrace.listBuried(queue);
if (!ids.every((id) => buried.some((job) => job.id === id))) throw new Error('some of the jobs are not buried');
if (command === 'redrive') await millrace.redrive(queue, ({ id }) => wanted.has(id));
else await millrace.discard(queue, ({ id }) => wanted.has(id));
globalThis.__failpoint.phase = 'stop';
await millrace.close();
process.exit(0);
