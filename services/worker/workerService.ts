import { createRegistry } from '../../shared/avro/registry.ts';
import type { LargePayloadOptions } from '../../shared/claims/largePayloads.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import type { JobDefinition } from '../../shared/jobs/jobDefinition.ts';
import { createKafkajsBroker } from '../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { requireConnections } from '../../shared/runtime/config/requireConnections.ts';
import { createEndpointService } from '../../shared/runtime/httpEndpoint.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createMetrics } from '../../shared/runtime/metrics/metrics.ts';
import { createService, type Service } from '../../shared/runtime/service.ts';
import { combineObservers, createLogObserver } from '../../shared/worker/logObserver.ts';
import { createMetricsObserver } from '../../shared/worker/metricsObserver.ts';
import { readQueue } from '../../shared/worker/readQueue.ts';
import { createWorker } from '../../shared/worker/worker.ts';
import { createWorkerChecks } from '../../shared/worker/workerHealth.ts';
import type { WorkerConfig } from './config.ts';

/** The services of a worker process, in the order of their start: its HTTP endpoint answers while the worker is still restoring. */
export function createWorkerServices(config: WorkerConfig, jobs: readonly JobDefinition[], logger: Logger, largePayloads: LargePayloadOptions | null = null): Service[] {
  const { brokers, registryUrl } = requireConnections(config);
  const metrics = createMetrics({ measureProcess: true });
  const kindsOf = (queue: string): string[] => jobs.filter((job) => job.queue === queue).map(({ kind }) => kind);
  const byQueue = new Map([...new Set(jobs.map(({ queue }) => queue))].map((queue) => [queue, metrics.forQueue(queue, kindsOf(queue))]));
  // Opening it does no I/O.
  const database = config.databaseUrl === null ? undefined : openPostgres({ url: config.databaseUrl, applicationName: 'millrace-worker', maxConnections: config.databaseConnections });
  const worker = createWorker({
    broker: createKafkajsBroker({ brokers, compression: config.compression }),
    registry: createRegistry({ url: registryUrl }),
    jobs,
    logger,
    observe(queue) {
      const queueMetrics = byQueue.get(queue) ?? metrics.forQueue(queue, kindsOf(queue));
      return combineObservers(createLogObserver(logger, queue), createMetricsObserver(queueMetrics));
    },
    ...(config.workerId === null ? {} : { workerId: config.workerId }),
    ...(largePayloads === null ? {} : { largePayloads }),
    database,
    effectRetentionMs: config.effectRetention,
    concurrency: config.concurrency,
    sandboxes: config.sandboxes ?? undefined,
    sessionTimeoutMs: config.sessionTimeout,
    flushIntervalMs: config.flushInterval,
    drainTimeoutMs: config.drainTimeout,
    abortGraceMs: config.abortGrace,
    ...(config.spillFolder === null ? {} : { spill: { folder: config.spillFolder, overBytes: config.spillOver, maxBytes: config.spillBytes } }),
    maxBytesPerPartition: config.fetchBytes,
    limits: {
      intakeJobs: config.intakeJobs,
      intakeBytes: config.intakeBytes,
      roomEntries: config.roomEntries,
      roomBytes: config.roomBytes,
      frontierPatienceMs: config.frontierPatience,
      unknownKindBoundMs: config.unknownKindBound,
    },
  });
  const checks = createWorkerChecks({ runners: () => worker.runners, waitsFor: () => worker.waitsFor, clock: systemClock, stallAfterMs: Math.max(config.stallAfter, 3 * config.flushInterval) });
  let unwatch = (): void => undefined;
  return [
    createEndpointService({ host: config.httpHost, port: config.httpPort, metrics, ...checks, logger }),
    createService('worker', {
      async start() {
        unwatch = checks.watch();
        await worker.start();
        for (const runner of worker.runners) byQueue.get(runner.options.topics.main)?.watch(() => readQueue(runner));
      },
      interrupt: () => { worker.stop().catch(() => undefined); },
      async stop() {
        await worker.stop();
        unwatch();
      },
    }),
  ];
}
