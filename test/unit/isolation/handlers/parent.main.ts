import { createSandboxStarter } from '../../../../shared/isolation/sandbox.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { sampleJob } from '../../worker/sampleJob.ts';

/** A worker's process, as the sandbox sees it: starts one in which a handler spins, tells that one's pid, and waits for its own end. */
const sandbox = createSandboxStarter(systemClock)('work/kind', { handler: new URL('./unruly.ts', import.meta.url).href, maxMemoryBytes: 512 * 1024 * 1024 }, () => undefined);
await sandbox.ready;
const told = await sandbox.run({ payload: sampleJob(1, 'tell its process'), id: 'a', key: null, kind: 'kind', queue: 'work', attempt: 1, fence: 1, enqueuedAtMs: 0 }, () => undefined);
void sandbox.run({ payload: sampleJob(1, 'spin'), id: 'b', key: null, kind: 'kind', queue: 'work', attempt: 1, fence: 1, enqueuedAtMs: 0 }, () => undefined);
setTimeout(() => { process.send?.(Number(told.type === 'answered' && told.outcome.type === 'dead' ? told.outcome.failure?.message : 0)); }, 300);
