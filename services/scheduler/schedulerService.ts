import type { FastifyInstance } from 'fastify';
import { createMillrace } from '../../shared/millrace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { requireConnections } from '../../shared/runtime/config/requireConnections.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import { createEndpointService } from '../../shared/runtime/httpEndpoint.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createService, type Service } from '../../shared/runtime/service.ts';
import type { Scheduler } from '../../shared/schedules/scheduler.ts';
import { createScheduleApi } from './api/createScheduleApi.ts';
import type { SchedulerConfig } from './config.ts';
import { createSchedulerMetrics } from './schedulerMetrics.ts';

/** An active scheduler that cannot write for so long is not ready. */
const READY_WITHIN_MS = 30_000;

/** The services of a scheduler process, in the order of their start. */
export function createSchedulerServices(config: SchedulerConfig, logger: Logger): Service[] {
  const { brokers, registryUrl } = requireConnections(config);
  const millrace = createMillrace({ brokers, registryUrl, compression: config.compression, logger, source: '/millrace/scheduler', schedulesTopic: config.schedulesTopic });
  const metrics = createSchedulerMetrics();
  let scheduler: Scheduler | null = null;
  let app: FastifyInstance | null = null;

  const ready: HealthCheck = {
    name: 'scheduler',
    check() {
      if (scheduler === null) return { ok: false, reason: 'starting' };
      const { failingSinceMs } = scheduler;
      if (failingSinceMs !== null && systemClock.monotonic() - failingSinceMs > READY_WITHIN_MS) return { ok: false, reason: 'cannot write' };
      return { ok: true, reason: scheduler.active ? 'active' : 'stands by' };
    },
  };

  return [
    createEndpointService({ host: config.httpHost, port: config.httpPort, metrics, live: [], ready: [ready], logger }),
    createService('scheduler', {
      async start() { scheduler = await millrace.runScheduler({ sessionTimeoutMs: config.schedulerSessionTimeout, observer: metrics }); },
      interrupt: () => { millrace.close().catch(() => undefined); },
      stop: () => millrace.close(),
    }),
    createService('api', {
      async start() {
        app = await createScheduleApi({ schedules: millrace.schedules, logger, token: config.apiToken, hostGuard: { listensOn: config.schedulerHost, names: config.apiNames } });
        const address = await app.listen({ host: config.schedulerHost, port: config.schedulerPort });
        logger.info({ address }, 'serving the schedules API');
      },
      stop: async () => { await app?.close(); },
    }),
  ];
}
