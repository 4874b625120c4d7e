#!/usr/bin/env node
import { openClaims } from '../../shared/claims/openClaims.ts';
import { loadJobs } from '../../shared/runtime/loadJobs.ts';
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { readWorkerConfig } from './config.ts';
import { refuseExit } from './refuseExit.ts';
import { createWorkerServices } from './workerService.ts';

/** A worker process: `node services/worker/main.ts ./jobs.ts …` runs the jobs that the modules define until SIGTERM. Settings: docs/config.md. */
const exit = refuseExit(process);
await runProcess({ argv: process.argv, env: process.env, stdout: process.stdout, stderr: process.stderr, exit, on: process.on.bind(process), off: process.off.bind(process) }, {
  name: 'worker',
  usage: 'millrace-worker <module> [<module> …]\n\nRuns the jobs that the modules define (./jobs.js), until SIGTERM. Settings are environment variables: see docs/config.md.',
  positionals: true,
  readConfig: readWorkerConfig,
  async createServices(config, logger, { positionals }) {
    // Handlers are the user's: a promise that one forgot and that fails must not end the attempts of all others.
    process.on('unhandledRejection', (error) => { logger.error({ err: error }, 'a promise failed that nobody waits for'); });
    return createWorkerServices(config, await loadJobs(positionals, process.cwd()), logger, await openClaims(config));
  },
});
