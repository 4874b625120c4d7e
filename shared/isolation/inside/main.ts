import { Worker } from 'node:worker_threads';
import { describeFailure } from '../../jobs/describeFailure.ts';
import type { FromSandbox, SandboxSays, ToSandbox } from '../sandboxMessages.ts';
import { createServant } from './servant.ts';
import { loadHandler } from './loadHandler.ts';

/**
 * A sandbox: the process in which one isolated kind's attempts run, one at a time. It serves the worker that started it (messages over the IPC
 * channel) and ends with it: the guard, a thread of its own, sees the worker's end even while a handler blocks this one.
 */
const { handler, maxMemoryBytes } = JSON.parse(process.argv[2] ?? '{}') as { handler: string; maxMemoryBytes: number };
const guardName = import.meta.url.endsWith('.ts') ? './guard/main.ts' : './guard/main.js';
new Worker(new URL(guardName, import.meta.url), { workerData: { maxMemoryBytes } }).unref();

// A terminal and a supervisor signal the whole group of processes; when this one ends is the worker's to say, after its drain.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

// Unsent is unsaid: once the channel is gone the worker is, too, and the guard ends this process.
const tell = (message: FromSandbox): void => { if (process.connected) process.send?.({ millrace: message } satisfies SandboxSays, undefined, undefined, () => undefined); };

// Without the channel nobody hears how an attempt ends: the handler has closed it, or the worker is gone.
process.on('disconnect', () => { process.exit(1); });

// What the promise of an attempt left behind is no reason to end the attempt that runs now.
process.on('unhandledRejection', (error) => {
  const { name, message } = describeFailure(error, Date.now());
  tell({ type: 'log', number: -1, level: 'error', fields: JSON.stringify({ error: `${name}: ${message}` }), message: 'a promise failed that nobody waits for' });
});

try {
  const servant = createServant(await loadHandler(handler), tell, () => process.memoryUsage.rss(), () => Date.now());
  process.on('message', (message) => { servant(message as ToSandbox); });
  tell({ type: 'ready' });
} catch (error) {
  tell({ type: 'unusable', failure: describeFailure(error, Date.now()) });
}
