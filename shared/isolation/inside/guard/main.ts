import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import { GUARD_FD, OUT_OF_MEMORY } from '../../guardChannel.ts';

/**
 * The guard of a sandbox, a thread beside its handler: ends the process when the worker is gone (its end of the channel closes, however it
 * ended) or when the process takes more memory than its kind may. V8's own limit knows nothing of buffers, and ends a process only after a
 * fight for the last megabytes.
 */
const LOOK_EVERY_MS = 50;
const { maxMemoryBytes } = workerData as { maxMemoryBytes: number };

const end = (): void => { process.kill(process.pid, 'SIGKILL'); };
new Socket({ fd: GUARD_FD }).on('error', end).on('close', end).resume();
setInterval(() => {
  if (process.memoryUsage.rss() <= maxMemoryBytes) return;
  try {
    writeSync(GUARD_FD, OUT_OF_MEMORY);
  } finally {
    end();
  }
}, LOOK_EVERY_MS);
