import { isMillraceError } from '../errors/MillraceError.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { QueueObserver } from './observer.ts';

/** While Kafka is down, troubles come several times a second; one line in so long says it. */
const TROUBLE_LINE_EVERY_MS = 5000;
/** The same for failed attempts of one kind: with what they need away, all of them fail. */
const FAILED_LINE_EVERY_MS = 1000;

/** Says in the log what operators need to know; what each single attempt came to is for metrics and events. */
export function createLogObserver(logger: Logger, queue: string, clock: Clock = systemClock): QueueObserver {
  const log = logger.child({ queue });
  const troubles = createSilencer(clock, TROUBLE_LINE_EVERY_MS);
  const failures = createSilencer(clock, FAILED_LINE_EVERY_MS);
  return {
    attemptEnded: () => undefined,
    attemptFailed(job, dueMs) {
      const unsaid = failures(job.kind);
      if (unsaid === null) return;
      const { id, kind, lane, offset, attempt, failure } = job;
      log.warn({
        jobId: id, kind, partition: lane.partition.number, offset, attempt, code: failure?.code, error: failure?.message, nextAt: new Date(dueMs).toISOString(), unsaid,
      }, 'attempt failed; the job is tried again');
    },
    buried: (job, reason) => {
      log.warn({ jobId: job.id, kind: job.kind, partition: job.lane.partition.number, offset: job.offset, attempt: job.attempt, reason, error: job.failure?.message }, 'job buried');
    },
    effectEnded: (kind, end) => {
      if (end === 'refused') log.warn({ kind }, 'an effect was refused: its attempt is no longer the job\'s, or lost its lock');
      else if (end === 'suppressed') log.debug({ kind }, 'an effect had landed before; it was not repeated');
    },
    attemptAbandoned: (job) => {
      log.error({ jobId: job.id, kind: job.kind, attempt: job.attempt + 1 }, 'handler did not stop after its abort; its lane goes on without it');
    },
    sandboxDied: (job, error) => {
      log.warn({ jobId: job.id, kind: job.kind, attempt: job.attempt + 1, error: error.message }, 'the sandbox of an attempt died; another takes its place');
    },
    notice: (partition, notice) => {
      switch (notice.type) {
        case 'active':
          log.info({ partition, epoch: notice.epoch, waiting: notice.waiting }, 'partition open');
          return;
        case 'usurped':
          log.warn({ partition, epoch: notice.epoch, holder: notice.holder }, 'another lease was seen; leasing anew');
          return;
        case 'publish-refused':
          log.error({ partition, stream: notice.stream, failures: notice.failures, code: notice.code }, 'Kafka refused a record; what depends on it stays uncommitted and is tried again');
          return;
        case 'zombie-answered':
          log.warn({ partition, origin: notice.origin, truth: notice.truth }, 'answered a record of a former owner');
          return;
        case 'command-applied':
          log.info({ partition, command: notice.command, origin: notice.origin, found: notice.found }, 'command applied');
          return;
        case 'pause':
          log.info({ partition, scope: notice.scope, on: notice.on }, notice.on ? 'paused' : 'resumed');
          return;
        case 'log-shorter':
          log.error({ partition, position: notice.position, found: notice.found }, 'the queue\'s topic ends before what was read of it: it was made anew, or has lost its end. The partition stands still, so that no job is passed over. Stop the workers, and let it go on with `millrace move-offsets <queue>`: `--to beginning` runs all that is there now, `--to end` none of it');
          return;
        case 'log-replaced':
          log.error({ partition, offset: notice.offset }, 'the queue\'s topic was made anew, but its retry topic was not: the waiting room knows another job at this offset. The partition stands still, so that neither is lost. To give up what waits of the old topic, stop the workers, run `millrace move-offsets <queue> --to beginning`, and delete the retry topic');
          return;
        case 'ids-forgotten':
          log.warn({ partition, ids: notice.ids }, 'more ids to remember than the limit lets; the oldest may run again');
          return;
      }
    },
    spillFailed: (error, againMs) => { log.error({ err: error, againMs }, 'the disk takes no bodies of waiting jobs: they stay in memory, and intake pauses when it is full; the disk is tried again'); },
    commitFailed: (code) => { log.warn({ code }, 'commit refused; it is taken anew'); },
    schemaUnavailable: (schemaId) => { log.warn({ schemaId }, 'the schema registry does not answer; jobs of this schema wait'); },
    partitionsAssigned: (partitions) => { log.info({ partitions }, 'partitions assigned'); },
    partitionsLost: (partitions) => { log.warn({ partitions }, 'partitions lost'); },
    trouble(error) {
      const unsaid = troubles(isMillraceError(error) ? error.code : error.name);
      if (unsaid !== null) log.warn({ err: error, unsaid }, 'trouble with Kafka; going on');
    },
  };
}

/** Answers with how many of a sort were not said since the last one that was; null: this one is not to be said either. */
function createSilencer(clock: Clock, everyMs: number): (sort: string) => number | null {
  const last = new Map<string, { lineMs: number; unsaid: number }>();
  return (sort) => {
    const before = last.get(sort) ?? { lineMs: -Infinity, unsaid: 0 };
    const now = clock.monotonic();
    if (now - before.lineMs < everyMs) {
      before.unsaid++;
      return null;
    }
    last.set(sort, { lineMs: now, unsaid: 0 });
    return before.unsaid;
  };
}

/** Tells several observers. */
export function combineObservers(...observers: readonly QueueObserver[]): QueueObserver {
  return {
    attemptEnded: (kind, end, durationMs) => { for (const one of observers) one.attemptEnded(kind, end, durationMs); },
    attemptFailed: (job, dueMs) => { for (const one of observers) one.attemptFailed?.(job, dueMs); },
    jobWaits: (job, failure) => { for (const one of observers) one.jobWaits?.(job, failure); },
    buried: (job, reason) => { for (const one of observers) one.buried(job, reason); },
    effectEnded: (kind, end) => { for (const one of observers) one.effectEnded?.(kind, end); },
    lockBusy: (kind) => { for (const one of observers) one.lockBusy?.(kind); },
    spillFailed: (error, againMs) => { for (const one of observers) one.spillFailed?.(error, againMs); },
    attemptAbandoned: (job) => { for (const one of observers) one.attemptAbandoned(job); },
    sandboxDied: (job, error) => { for (const one of observers) one.sandboxDied?.(job, error); },
    notice: (partition, notice) => { for (const one of observers) one.notice(partition, notice); },
    commitFailed: (code) => { for (const one of observers) one.commitFailed(code); },
    schemaUnavailable: (schemaId) => { for (const one of observers) one.schemaUnavailable(schemaId); },
    partitionsAssigned: (partitions) => { for (const one of observers) one.partitionsAssigned(partitions); },
    partitionsLost: (partitions) => { for (const one of observers) one.partitionsLost(partitions); },
    trouble: (error) => { for (const one of observers) one.trouble(error); },
  };
}
