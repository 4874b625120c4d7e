/** millrace: durable background jobs on Kafka, ordered per entity even through retries. */
export { createMillrace, type DiscardOptions, type Millrace, type MillraceOptions, type RedriveOptions, type WorkOptions } from './millrace.ts';

export { defineJob } from './jobs/defineJob.ts';
export type { IsolatedOptions, JobOptions } from './jobs/jobOptions.ts';
export type { BatchAnswer, Handle, HandlerAnswer, Isolation, JobDefinition, PayloadOf } from './jobs/jobDefinition.ts';
export type { BatchContext, BatchJob, JobContext, JobLogger, ReplayMark, ScheduleTick } from './jobs/jobContext.ts';
export type { HeldLock, JobTransaction, LockChoice, LockOptions, StatementValue } from './jobs/jobEffects.ts';
export { dead, done, locked, retry, snooze, type BuryReason, type Outcome } from './jobs/outcome.ts';
export type { Failure } from './jobs/failure.ts';
export { PermanentError } from './jobs/permanentError.ts';
export { parseDuration, type Duration } from './jobs/duration.ts';
export type { JobPolicy, Order } from './jobs/policy.ts';
export type { AvroSchema, PayloadSchema } from '../schemas/payloadSchema.ts';

export { createClient, type Client, type ClientOptions, type EnqueueEntry } from './client/client.ts';
export type { LargePayloadOptions } from './claims/largePayloads.ts';
export type { ClaimStore } from './claims/claimStore.ts';
export { createFileClaims, type FileClaimsOptions } from './claims/fileClaims.ts';
export { readClaimedResult } from './claims/claimedResults.ts';
export { expireClaims } from './claims/expireClaims.ts';
export type { EnqueueOptions } from './client/enqueueOptions.ts';
export { createHttpClient, type HttpClient, type HttpClientOptions, type HttpEnqueueOptions, type HttpJob } from './intake/httpClient.ts';
export type { Receipt } from './client/receipts.ts';
export { createOutbox, type Outbox, type OutboxEntry, type OutboxOptions, type OutboxTransaction } from './outbox/outbox.ts';
export { migrate, type Migration } from './database/migrate.ts';
export { outboxMigrations } from './outbox/outboxTables.ts';
export { dropSick, listSick, retrySick, type SickRow, type SickSelection } from './outbox/sickRows.ts';
export { createWorker, type Worker, type WorkerOptions } from './worker/worker.ts';
export type { QueueObserver } from './worker/observer.ts';
export type { BuriedJob } from './commands/buried.ts';
export type { DeadSelection } from './commands/deadSelection.ts';
export type { JobPlace } from './commands/commandJobs.ts';
export type { JobRef } from './commands/findUnsettled.ts';
export type { PauseScope } from './commands/pauses.ts';
export type { ShownPause as Pause } from './jobs/shownPause.ts';
export type { MovedOffsets, MoveOptions, MoveTarget, PartitionMove } from './moveOffsets/moveOffsets.ts';
export type { ReplaySummary } from './replay/replay.ts';
export type { ReplayDeath, ReplayOptions, ReplayProgress, ReplayWait } from './replay/replayOptions.ts';
export type { ReplayPlan } from './replay/planReplay.ts';
export type { OffsetRange, ReplayRange } from './replay/replayRange.ts';
export type { Scope } from './jobs/scope.ts';
export type { BackfillOptions, RunNowOptions, Schedules } from './schedules/schedules.ts';
export type { Scheduler } from './schedules/scheduler.ts';
export type { SchedulerObserver } from './schedules/schedulerObserver.ts';
export type { JobSchedule, KindSchedule, OverlapPolicy, RunCause, RunEnd, ScheduleCounts, ScheduleOptions, ScheduleRun, ScheduleTiming, ScheduleView } from './schedules/schedule.ts';

export { createCodec, type Codec } from './avro/codec.ts';
export { createRegistry, type Registry } from './avro/registry.ts';
export type { Broker } from './kafka/port.ts';
export { createKafkajsBroker, type KafkajsBrokerOptions } from './kafka/kafkajs/kafkajsBroker.ts';
export type { TopicDefaults } from './kafka/prepareTopics.ts';

export type { Database } from './database/port.ts';
export { openPostgres, type PostgresOptions } from './database/postgres/openPostgres.ts';
export { openPglite, type PgliteOptions } from './database/pglite/openPglite.ts';

export { MillraceError, isMillraceError } from './errors/MillraceError.ts';
export type { ErrorCode } from './errors/catalogue.ts';
export { createLogger, type Logger } from './runtime/logger.ts';
export { createMetrics, type Metrics } from './runtime/metrics/metrics.ts';
