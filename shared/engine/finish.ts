import type { Failure } from '../jobs/failure.ts';
import type { BuryReason, Outcome } from '../jobs/outcome.ts';
import type { EventWords } from './effects.ts';
import { decideRoute, routeUnknownKind, type Route } from './route.ts';
import type { Fault, Job } from './job.ts';
import type { Partition } from './partition.ts';
import { fitsRoom, putWait } from './room.ts';
import { wakeLane } from './wake.ts';

/** Takes the job through the route that its attempt's outcome decides. */
export function finishAttempt(partition: Partition, job: Job, outcome: Outcome, now: number): void {
  const policy = job.policy;
  if (policy === null) return;
  const attempt = job.attempt + 1;
  if (partition.cancelling.size > 0 && partition.cancelling.delete(job) && outcome.type !== 'done') {
    cancelAttempt(partition, job, now);
    return;
  }
  const route = decideRoute(outcome, attempt, policy, now, partition.host.random());
  if (job.failure?.code === 'UNKNOWN_KIND') job.failure = null; // its kind is known again
  if (outcome.type === 'retry' || outcome.type === 'dead') noteFailure(job, outcome.failure, now);
  else if (outcome.type === 'snooze' && outcome.failure !== undefined) noteFailure(job, outcome.failure, now);
  // A payload that cannot be read is noticed when its attempt was to begin: no handler ran.
  const ran = outcome.type !== 'dead' || outcome.reason === 'dead' || outcome.reason === 'permanent';
  if (ran && (route.type !== 'wait' || route.usesAttempt)) job.attempt = attempt;
  job.concluded = ran && route.type !== 'wait';
  follow(partition, job, route, now, outcome.type === 'done' && outcome.result !== undefined ? { progress: null, note: null, result: outcome.result } : null);
}

/** Looks at a job of unknown kind: it waits, and is buried when its kind has been missed for longer than the bound. */
export function lookAtUnknownKind(partition: Partition, job: Job, now: number): void {
  // The last failure carries the time through restarts; an earlier one of another sort says nothing of it.
  const missedSinceMs = job.failure?.code === 'UNKNOWN_KIND' ? job.failure.at : now;
  noteFailure(job, { code: 'UNKNOWN_KIND', name: 'UnknownKind', message: `no handler for kind ${JSON.stringify(job.kind)}`, at: missedSinceMs }, now);
  const route = routeUnknownKind(job.looks++, missedSinceMs, partition.host.limits.unknownKindBoundMs, now, partition.host.random());
  follow(partition, job, route, now);
}

/** The attempt was cut off by a stop or a lost lease: it counts for nothing, and whoever owns the partition next runs it again. */
export function interruptAttempt(partition: Partition, job: Job, now: number): void {
  if (partition.cancelling.size > 0 && partition.cancelling.delete(job)) {
    cancelAttempt(partition, job, now);
    return;
  }
  if (job.claimed) {
    // At most once: this was it.
    job.attempt++;
    job.concluded = true;
    noteFailure(job, { code: 'INTERRUPTED', name: 'Interrupted', message: 'the worker stopped during its only attempt', at: now }, now);
    bury(partition, job, 'attempts', job.failure, now);
    return;
  }
  job.state = 'queued';
  wakeLane(partition, job.lane);
}

/** At most once: the time to run it is over, and nobody else will. It never began, so that a redrive may run it. */
export function buryUnbegun(partition: Partition, job: Job, now: number): void {
  job.concluded = true;
  noteFailure(job, { code: 'INTERRUPTED', name: 'Interrupted', message: 'the worker stopped before its only attempt began', at: now }, now);
  bury(partition, job, 'attempts', job.failure, now);
}

function noteFailure(job: Job, failure: Failure | null, now: number): void {
  const noted = failure ?? { code: 'RETRY', name: 'Retry', message: 'the handler asked for another attempt', at: now };
  const stamped = noted.at === 0 ? { ...noted, at: now } : noted;
  job.failure = stamped;
  job.firstFailure ??= stamped;
}

function follow(partition: Partition, job: Job, route: Route, now: number, words: EventWords | null = null): void {
  switch (route.type) {
    case 'complete':
      if (job.room === 'none') {
        // Only its id and key are needed from here on; a fetch buffer may hang on the rest.
        job.value = null;
        job.headers = undefined;
      }
      leaveLane(partition, job);
      partition.tell('done', job, now, 'settle', words === null ? undefined : { words });
      return;
    case 'bury':
      bury(partition, job, route.reason, job.failure, now);
      return;
    case 'wait':
      job.dueMs = route.untilMs;
      job.reason = route.reason;
      wait(partition, job, now);
      return;
  }
}

/** The attempt of a cancelled job ended, and did not say that the job is done. */
function cancelAttempt(partition: Partition, job: Job, now: number): void {
  job.attempt++;
  job.concluded = true;
  withdraw(partition, job, 'cancelled', now);
}

/** An operator ends a job that does not run. */
export function withdraw(partition: Partition, job: Job, event: 'discarded' | 'cancelled', now: number): void {
  partition.host.unscheduleDue(job);
  // It may have its lane to itself until its schema is there.
  if (job.lane.busy === job) job.lane.busy = null;
  job.state = 'ended';
  job.lane.remove(job);
  partition.tell(event, job, now, 'settle');
  wakeLane(partition, job.lane);
}

function leaveLane(partition: Partition, job: Job): void {
  job.state = 'ended';
  job.lane.remove(job);
  wakeLane(partition, job.lane);
}

function wait(partition: Partition, job: Job, now: number): void {
  if (!fitsRoom(partition, job)) {
    bury(partition, job, 'too-large', job.failure, now);
    return;
  }
  job.state = 'waiting';
  // Strict lanes stay closed behind a waiting head; elsewhere the job steps aside.
  if (job.policy !== null && job.policy.order !== 'strict') {
    job.lane.remove(job);
    wakeLane(partition, job.lane);
  }
  partition.host.scheduleDue(job);
  putWait(partition, job);
}

/** Sends a job to the DLQ. Its lane waits for the DLQ's ack: until then it is not buried. */
export function bury(partition: Partition, job: Job, reason: BuryReason, failure: Failure | null, now: number): void {
  job.state = 'burying';
  partition.dlq.put({ job, redriven: partition.redriven.get(job.offset) ?? -1, reason, failure, atMs: now });
}

/** A job that can never run. */
export function buryFaulty(partition: Partition, job: Job, fault: Fault, now: number): void {
  noteFailure(job, fault.failure, now);
  bury(partition, job, fault.reason, job.failure, now);
}

/** The DLQ has the job. */
export function buried(partition: Partition, job: Job, reason: BuryReason, failure: Failure | null, now: number): void {
  const holds = job.policy?.whenBuried === 'hold' && job.policy.order === 'strict' && job.inLane && !job.claimed && fitsRoom(partition, job);
  if (!holds) {
    const wasInLane = job.inLane;
    job.state = 'ended';
    job.lane.remove(job);
    partition.tell('buried', job, now, 'settle', { reason, failure });
    if (wasInLane) wakeLane(partition, job.lane);
    return;
  }
  partition.tell('buried', job, now, 'nothing', { reason, failure });
  job.state = 'held';
  job.reason = 'held';
  putWait(partition, job);
}
