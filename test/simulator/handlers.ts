import { defineJob } from '../../shared/jobs/defineJob.ts';
import type { BatchJob, JobContext } from '../../shared/jobs/jobContext.ts';
import type { JobDefinition } from '../../shared/jobs/jobDefinition.ts';
import { dead, done, retry, snooze, type Outcome } from '../../shared/jobs/outcome.ts';
import { PermanentError } from '../../shared/jobs/permanentError.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { AttemptOutcome } from '../guarantees/history.ts';
import { serialV1, serialV2, type SerialV1 } from './payload.ts';
import type { Fate, KindPlan } from './plan.ts';
import type { Call, Witness } from './witness.ts';

/** What handlers of one worker need to know of the world. */
export interface HandlerTools {
  readonly worker: string;
  readonly clock: Clock;
  readonly witness: Witness;
  /** The job's plan, and which record it was: `queue/partition/offset`. */
  readonly snoozed: (place: string) => void;
  readonly lookUp: (serial: number, at: { readonly partition: number; readonly offset: number } | null) => Found;
}

export interface Found {
  readonly entity: string;
  readonly place: string;
  readonly offset: number;
  /** How often a redrive gave it fresh attempts. */
  readonly round: number;
  readonly fates: readonly Fate[];
  /** How often it was snoozed. */
  readonly snoozes: number;
}

const DONE: Fate = { says: 'done', workMs: 1, waitMs: 0 };

const policyOptions = ({ kind, queue, order, whenBuried, delivery, attempts, backoff, timeoutMs }: KindPlan) => ({
  kind, queue, order, whenBuried, delivery, timeout: `${timeoutMs}ms`,
  retry: { attempts, backoff: { first: `${backoff.firstMs}ms`, factor: backoff.factor, max: `${Math.max(backoff.maxMs, backoff.firstMs)}ms`, jitter: 0 } },
} as const);

/** The kind as producers know it. */
export function defineForProducer(plan: KindPlan, newer: boolean): JobDefinition<string, SerialV1> {
  const options = { ...policyOptions(plan), key: ({ entity }: SerialV1) => entity, handle: () => undefined };
  return newer ? defineJob({ ...options, schema: serialV2 }) : defineJob({ ...options, schema: serialV1 });
}

/** The kind as a worker runs it: its handler does what the plan says and tells the witness. */
export function defineForWorker(plan: KindPlan, tools: HandlerTools): JobDefinition<string, SerialV1> {
  const { clock, witness, worker } = tools;
  let runs = 0;
  const begin = (payload: SerialV1, facts: Pick<JobContext, 'attempt' | 'fence'>, run: number, at: { readonly partition: number; readonly offset: number } | null): { call: Call; fate: Fate } => {
    const { entity, place, offset, round, fates, snoozes } = tools.lookUp(payload.serial, at);
    const call = witness.start({ entity, sequence: offset, id: place, attempt: facts.attempt, fence: facts.fence, worker, run, round });
    // Buried once and called back, it is mended. Snoozes use no attempt.
    return { call, fate: round > 0 ? DONE : (fates[facts.attempt - 1 + snoozes] ?? DONE) };
  };
  const work = (ms: number, signal: AbortSignal): Promise<boolean> => new Promise((resolve) => {
    const cancel = clock.after(ms, () => { resolve(true); });
    signal.addEventListener('abort', () => { cancel(); resolve(false); }, { once: true });
  });
  const cutOff = (call: Call, signal: AbortSignal): void => {
    witness.end(call, (signal.reason as { code: string }).code === 'TIMEOUT' ? 'retry' : 'aborted');
  };
  const answer = (call: Call, fate: Fate): Outcome | undefined => {
    witness.effect(call);
    conclude(call, fate);
    return say(fate);
  };
  const conclude = (call: Call, fate: Fate): void => {
    if (fate.says === 'snooze' && !call.over) tools.snoozed(call.told.id);
    witness.end(call, outcomeOf(fate), fate.says === 'snooze' || fate.says === 'retry-after' ? fate.waitMs : undefined);
  };

  const options = { ...policyOptions(plan), schema: serialV1, key: ({ entity }: SerialV1) => entity };
  const { batch } = plan;
  if (batch === null) {
    return defineJob({
      ...options,
      handle(payload, ctx) {
        const { call, fate } = begin(payload, ctx, ++runs, (ctx.logger as unknown as { fields: { partition: number; offset: number } }).fields);
        if (fate.workMs === 0 && fate.says !== 'hang' && fate.says !== 'deaf') return answer(call, fate);
        return (async () => {
          if (fate.says === 'deaf') {
            ctx.signal.addEventListener('abort', () => {
              if ((ctx.signal.reason as { code: string }).code === 'TIMEOUT') call.deaf = true;
              else witness.end(call, 'aborted');
            }, { once: true });
            await new Promise<void>((resolve) => { clock.after(plan.timeoutMs + 3000, resolve); });
            // A worker that stood still meanwhile had no time to give it up.
            return answer(call, DONE);
          }
          if (!await work(fate.says === 'hang' ? 1e9 : fate.workMs, ctx.signal)) {
            cutOff(call, ctx.signal);
            throw ctx.signal.reason;
          }
          return answer(call, fate);
        })();
      },
    });
  }
  return defineJob({
    ...options,
    batch: { maxSize: batch.maxSize, maxWait: `${batch.maxWaitMs}ms` },
    async handleBatch(jobs: readonly BatchJob<SerialV1>[], { signal }) {
      const run = ++runs;
      const all = jobs.map((job) => ({ id: job.id, ...begin(job.payload, job, run, null) }));
      const hangs = all.some(({ fate: { says } }) => says === 'hang' || says === 'deaf');
      const finished = await work(hangs ? 1e9 : Math.max(...all.map(({ fate }) => fate.workMs)), signal);
      if (!finished) {
        for (const { call } of all) cutOff(call, signal);
        throw signal.reason;
      }
      const answers = all.map(({ call, fate }) => {
        witness.effect(call);
        conclude(call, fate);
        return sayInBatch(fate);
      });
      // By place: two jobs of a batch may bear one id. What is left out counts as failed.
      return answers;
    },
  });
}

/** By place: two jobs of a batch may bear one id. What is left out counts as failed. */
function sayInBatch(fate: Fate): Outcome | undefined {
  switch (fate.says) {
    case 'throw': return retry();
    case 'permanent': return dead('its plan says so');
    case 'bad-answer': return undefined;
    case 'done': return done();
    default: return say(fate);
  }
}

function outcomeOf({ says }: Fate): AttemptOutcome {
  switch (says) {
    case 'done': return 'done';
    case 'dead':
    case 'permanent': return 'dead';
    case 'snooze': return 'snooze';
    case 'retry':
    case 'retry-after':
    case 'throw':
    case 'bad-answer':
    case 'hang':
    case 'deaf': return 'retry';
  }
}

function say({ says, waitMs }: Fate): Outcome | undefined {
  switch (says) {
    case 'done':
    case 'hang':
    case 'deaf': return undefined;
    case 'retry': return retry();
    case 'retry-after': return retry(`${waitMs}ms`);
    case 'snooze': return snooze(`${waitMs}ms`);
    case 'dead': return dead('its plan says so');
    case 'throw': throw new Error('its plan says so');
    case 'permanent': throw new PermanentError('its plan says so');
    case 'bad-answer': return 'what is this' as never;
  }
}
