#!/usr/bin/env node
import { openClaims } from '../../shared/claims/openClaims.ts';
import { loadJobs } from '../../shared/runtime/loadJobs.ts';
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { readIntakeConfig } from './config.ts';
import { createIntakeServices } from './intakeService.ts';

/** An intake process: `node services/intake/main.ts ./jobs.ts …` takes jobs of the kinds that the modules define over HTTP until SIGTERM. Settings: docs/config.md. */
await runProcess(process, {
  name: 'intake',
  usage: 'millrace-intake <module> [<module> …]\n\nTakes jobs of the kinds that the modules define (./jobs.js) over HTTP, until SIGTERM. Settings are environment variables: see docs/config.md.',
  positionals: true,
  readConfig: readIntakeConfig,
  createServices: async (config, logger, { positionals }) => createIntakeServices(config, await loadJobs(positionals, process.cwd()), process, logger, null, await openClaims(config)),
});
