#!/usr/bin/env node
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { loadJobs } from '../../shared/runtime/loadJobs.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { runServices, type StopSignal } from '../../shared/runtime/service.ts';
import { readIntakeConfig } from './config.ts';
import { createIntakeServices } from './intakeService.ts';

/** An intake process: `node services/intake/main.ts ./jobs.ts …` takes jobs of the kinds that the modules define over HTTP until SIGTERM. Settings: docs/config.md. */
try {
  const config = readIntakeConfig(process.env);
  const logger = createLogger({ level: config.logLevel, service: 'intake', clock: systemClock });
  const jobs = await loadJobs(process.argv.slice(2), process.cwd());
  const end = await runServices(createIntakeServices(config, jobs, process, logger), {
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
  process.exit(end === 'stopped' ? 0 : 1);
} catch (error) {
  if (!isMillraceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}
