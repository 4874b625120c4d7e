#!/usr/bin/env node
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { loadJobs } from '../../shared/runtime/loadJobs.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { runServices, type StopSignal } from '../../shared/runtime/service.ts';
import { readWorkerConfig } from './config.ts';
import { refuseExit } from './refuseExit.ts';
import { createWorkerServices } from './workerService.ts';

/** A worker process: `node services/worker/main.ts ./jobs.ts …` runs the jobs that the modules define until SIGTERM. Settings: docs/config.md. */
const exit = refuseExit(process);
try {
  const config = readWorkerConfig(process.env);
  const logger = createLogger({ level: config.logLevel, service: 'worker', clock: systemClock, ...(config.workerId === null ? {} : { workerId: config.workerId }) });
  // Handlers are the user's: a promise that one forgot and that fails must not end the attempts of all others.
  process.on('unhandledRejection', (error) => { logger.error({ err: error }, 'a promise failed that nobody waits for'); });
  const jobs = await loadJobs(process.argv.slice(2), process.cwd());
  const end = await runServices(createWorkerServices(config, jobs, logger), {
    logger,
    clock: systemClock,
    random: Math.random,
    startJitterMs: config.startJitter,
    stopTimeoutMs: config.stopTimeout,
    onSignal(listener) {
      const signals: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];
      for (const signal of signals) process.on(signal, listener);
      return () => { for (const signal of signals) process.off(signal, listener); };
    },
  });
  exit(end === 'stopped' ? 0 : 1);
} catch (error) {
  if (!isMillraceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  exit(2);
}
