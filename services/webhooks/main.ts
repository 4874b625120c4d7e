#!/usr/bin/env node
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { readWebhooksConfig } from './config.ts';
import { createWebhookServices } from './webhooksService.ts';

/** A webhooks process: `node services/webhooks/main.ts` tells subscribers of the ends of jobs until SIGTERM. Settings: docs/config.md. */
await runProcess(process, {
  name: 'webhooks',
  usage: 'millrace-webhooks\n\nTells subscribers of the ends of jobs, until SIGTERM. Settings are environment variables: see docs/config.md.',
  readConfig: readWebhooksConfig,
  createServices: (config, logger) => createWebhookServices(config, process, logger),
});
