#!/usr/bin/env node
import { openDatabase } from '../../shared/database/openDatabase.ts';
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { dropProjection } from '../../shared/status/dropProjection.ts';
import { readStatusConfig } from './config.ts';
import { createStatusServices } from './statusService.ts';

/**
 * A status process: `node services/status/main.ts` reads topics into tables and answers the status API until SIGTERM. With `--rebuild` it first
 * throws the tables away: all is read anew from the topics. Settings: docs/config.md.
 */
await runProcess(process, {
  name: 'status',
  usage: 'millrace-status [--rebuild]\n\nReads topics into tables and answers the status API, until SIGTERM. --rebuild first throws the tables away: all is read anew from\nthe topics. Settings are environment variables: see docs/config.md.',
  options: { rebuild: { type: 'boolean' } },
  readConfig: readStatusConfig,
  async createServices(config, logger, { values }) {
    if (values.rebuild === true) {
      const database = await openDatabase({ url: config.databaseUrl, folder: config.databaseFolder, host: process });
      await dropProjection(database);
      await database.close();
      logger.info('the tables are empty; the topics are read from their start');
    }
    return createStatusServices(config, process, logger);
  },
});
