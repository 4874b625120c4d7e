#!/usr/bin/env node
import { openDatabase } from '../../shared/database/openDatabase.ts';
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { runServices, type StopSignal } from '../../shared/runtime/service.ts';
import { dropProjection } from '../../shared/status/dropProjection.ts';
import { readStatusConfig } from './config.ts';
import { createStatusServices } from './statusService.ts';

/**
 * A status process: `node services/status/main.ts` reads topics into tables and answers the status API until SIGTERM. With `--rebuild` it first
 * throws the tables away: all is read anew from the topics. Settings: docs/config.md.
 */
try {
  const config = readStatusConfig(process.env);
  const logger = createLogger({ level: config.logLevel, service: 'status', clock: systemClock });
  if (process.argv.includes('--rebuild')) {
    const database = await openDatabase({ url: config.databaseUrl, folder: config.databaseFolder, host: process });
    await dropProjection(database);
    await database.close();
    logger.info('the tables are empty; the topics are read from their start');
  }
  const end = await runServices(createStatusServices(config, process, logger), {
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
