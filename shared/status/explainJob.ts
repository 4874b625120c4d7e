import type { Scope } from '../jobs/scope.ts';
import type { GroupMember } from '../kafka/port.ts';
import type { JobView } from './jobView.ts';
import { isFinal, stateText } from './jobState.ts';

/** A job of the same entity that comes first. */
export interface JobAhead {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly due: string | null;
}

/** All that an explanation needs to know. */
export interface ExplainInputs {
  readonly job: JobView;
  readonly nowMs: number;
  /** Jobs of its entity before it that are not over: how many, and the first of them. */
  readonly ahead: { readonly count: number; readonly first: readonly JobAhead[] };
  /** Records of its partition that workers have yet to take in before it; 0: they have it; null: not known. */
  readonly unreadBefore: number | null;
  /** Members of the queue's group; null: not known. */
  readonly workers: readonly GroupMember[] | null;
  /** What of its partition stands still, and is its queue, its kind or its key. */
  readonly pauses: readonly { readonly what: Scope['type']; readonly since: string }[];
  readonly partition: number;
  /** How far behind Kafka the status is in its partition, in records; null: not known. */
  readonly statusBehind: number | null;
}

/** Why a job is where it is. Codes are API. */
export type CauseCode =
  | 'finished' | 'running' | 'no-workers' | 'partition-unowned' | 'not-read-yet' | 'behind' | 'scheduled' | 'retry' | 'snoozed' | 'rate-limited' | 'dependency-down'
  | 'claim-missing' | 'paused' | 'locked' | 'held' | 'unknown-kind' | 'no-worker-knows-kind' | 'owner-lacks-kind' | 'waiting' | 'about-to-run' | 'status-behind';

export interface Cause {
  readonly code: CauseCode;
  /** For people. */
  readonly text: string;
}

export interface Explanation {
  /** One sentence: the first cause. */
  readonly summary: string;
  /** The nearest cause first. */
  readonly causes: readonly Cause[];
  readonly ahead: ExplainInputs['ahead'];
  readonly due: string | null;
  readonly unreadBefore: number | null;
  readonly workers: number | null;
  readonly statusBehind: number | null;
}

/** Says why a job is not running. Pure. */
export function explainJob(inputs: ExplainInputs): Explanation {
  const causes = findCauses(inputs);
  const { job, ahead, unreadBefore, workers, statusBehind } = inputs;
  return { summary: causes[0]?.text ?? '', causes, ahead, due: job.due, unreadBefore, workers: workers?.length ?? null, statusBehind };
}

function findCauses(inputs: ExplainInputs): Cause[] {
  const { job, statusBehind } = inputs;
  const causes: Cause[] = [];
  const say = (code: CauseCode, text: string): void => { causes.push({ code, text }); };
  if (job.reason === 'held') say('held', `It was buried${errorText(job)}, and its kind holds the lane: the later jobs of ${entity(job)} wait until it is redriven or discarded.`);
  else if (isFinal(job.state)) say('finished', `It is ${stateText(job)}${job.state === 'dead' ? errorText(job) : ''} since ${job.finishedAt ?? job.changedAt}.`);
  else if (job.state === 'running') say('running', `It is running: attempt ${job.attempts}${job.worker === null ? '' : ` on worker ${job.worker}`}, since ${job.changedAt}.`);
  else {
    explainPauses(inputs, say);
    explainWait(inputs, say);
  }
  if (!isFinal(job.state)) explainWorkers(inputs, causes, say);
  if (statusBehind !== null && statusBehind > 0) say('status-behind', `This may be out of date: the status has ${statusBehind === 1 ? 'one record' : `${statusBehind} records`} of its partition yet to read.`);
  return causes;
}

function explainWait({ job, nowMs, ahead, unreadBefore, pauses }: ExplainInputs, say: (code: CauseCode, text: string) => void): void {
  const dueMs = job.due === null ? null : Date.parse(job.due);
  const when = dueMs === null ? '' : dueMs > nowMs ? ` until ${job.due ?? ''}, in ${inWords(dueMs - nowMs)}` : `; it was due ${inWords(nowMs - dueMs)} ago`;
  switch (job.reason) {
    case 'retry':
      say('retry', `Attempt ${job.attempts} failed${errorText(job)}; it waits for the next one${when}.`);
      break;
    case 'snoozed':
      say('snoozed', `Its handler put it off${when}.`);
      break;
    case 'rate-limited':
      say('rate-limited', `A rate limit holds it back${when}.`);
      break;
    case 'dependency-down':
      say('dependency-down', `Something that it needs is down${errorText(job)}; it waits${when}.`);
      break;
    case 'claim-missing':
      say('claim-missing', `The object of its large payload is not in the store${errorText(job)}; it is looked for again${when}, and the job buried when it is missing for too long.`);
      break;
    case 'paused':
      if (pauses.length === 0) say('paused', 'Its queue, kind or key was paused when its owner last looked; it runs after a resume.');
      break;
    case 'locked':
      say('locked', `Another job holds the lock that it needs${when}.`);
      break;
    case 'unknown-kind':
      say('unknown-kind', `The worker that owned its partition did not know the kind ${JSON.stringify(job.kind)}; it is looked at again${when}.`);
      break;
    case 'behind':
    case 'scheduled':
    case null:
      break;
    default:
      say('waiting', `It waits (${job.reason})${when}.`);
  }
  if (job.state === 'scheduled') say('scheduled', `It is scheduled: it waits${when}.`);
  if (ahead.count > 0) {
    const [head] = ahead.first;
    say('behind', `${ahead.count === 1 ? 'One job' : `${ahead.count} jobs`} of ${entity(job)} ${ahead.count === 1 ? 'is' : 'are'} before it; the first, ${head?.id ?? 'unknown'}, is ${head?.state ?? 'unknown'}${head?.reason == null ? '' : ` (${head.reason}${head.due === null ? '' : ` until ${head.due}`})`}${head?.reason === 'held' ? ', and holds the lane until it is redriven or discarded' : ''}.`);
  }
  if (unreadBefore !== null && unreadBefore > 0) say('not-read-yet', `Workers have not come to it yet: ${unreadBefore === 1 ? 'it is the next of its partition' : unreadBefore === 2 ? 'one job of its partition is before it' : `${unreadBefore - 1} jobs of its partition are before it`}.`);
}

function explainPauses({ job, pauses }: ExplainInputs, say: (code: CauseCode, text: string) => void): void {
  for (const { what, since } of pauses) {
    const named = { queue: `The queue ${job.queue}`, kind: `The kind ${JSON.stringify(job.kind)}`, key: `The key ${JSON.stringify(job.key)}` }[what];
    say('paused', `${named} is paused since ${since}; it runs after a resume.`);
  }
}

function explainWorkers({ workers, partition, job }: ExplainInputs, causes: readonly Cause[], say: (code: CauseCode, text: string) => void): void {
  if (workers?.length === 0) say('no-workers', `No worker runs for the queue ${job.queue}.`);
  else if (workers !== null && !workers.some(({ partitions }) => partitions.includes(partition))) say('partition-unowned', `None of the ${workers.length} workers owns its partition (${partition}) at the moment: the group is handing it over.`);
  else if (workers !== null && job.kind !== null && job.state !== 'running') explainKinds(workers, partition, job.kind, say);
  if (causes.length === 0) say('about-to-run', 'A worker has it; it runs as soon as one of its slots is free.');
}

function explainKinds(workers: readonly GroupMember[], partition: number, kind: string, say: (code: CauseCode, text: string) => void): void {
  const strangers = workers.filter(({ kinds }) => kinds?.includes(kind) === false);
  if (strangers.length === workers.length) say('no-worker-knows-kind', `None of the ${workers.length} workers of the queue knows the kind ${JSON.stringify(kind)}.`);
  else if (strangers.some(({ partitions }) => partitions.includes(partition))) say('owner-lacks-kind', `The worker that owns its partition (${partition}) does not know the kind ${JSON.stringify(kind)}; ${workers.length - strangers.length} of the ${workers.length} workers do.`);
}

function errorText({ error }: JobView): string {
  return error === null ? '' : ` (${error.code}: ${error.message.slice(0, 200)})`;
}

function entity({ key }: JobView): string {
  return key === null ? 'its lane' : `the key ${JSON.stringify(key)}`;
}

const units: readonly [ms: number, name: string][] = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1000, 's']];

/** A time span in its largest unit, rounded: "3 h". */
function inWords(ms: number): string {
  const [unitMs, name] = units.find(([size]) => ms >= size) ?? [1, 'ms'];
  return `${Math.round(ms / unitMs)} ${name}`;
}
