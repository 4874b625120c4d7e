#!/usr/bin/env node
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { readSchedulerConfig } from './config.ts';
import { createSchedulerServices } from './schedulerService.ts';

/**
 * A scheduler process: `node services/scheduler/main.ts` runs schedules, or stands by while another one does, and answers the schedules API, until
 * SIGTERM. Settings: docs/config.md.
 */
await runProcess(process, {
  name: 'scheduler',
  usage: 'millrace-scheduler\n\nRuns schedules, or stands by while another one does, until SIGTERM. Settings are environment variables: see docs/config.md.',
  readConfig: readSchedulerConfig,
  createServices: (config, logger) => createSchedulerServices(config, logger),
});
