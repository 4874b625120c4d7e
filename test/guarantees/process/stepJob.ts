import { setTimeout as sleep } from 'node:timers/promises';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import type { JobContext } from '../../../shared/jobs/jobContext.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { dead, done, retry, type Outcome } from '../../../shared/jobs/outcome.ts';
import type { PayloadSchema } from '../../../schemas/payloadSchema.ts';
import { jobV1, type JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { AttemptOutcome, WitnessLine } from '../history.ts';
import { fateOf, isPoison, workMsOf, type Fate, type Workload } from './workload.ts';

export interface StepTools {
  readonly worker: string;
  /** Must be on disk, or at least with the kernel, when it returns. */
  readonly write: (line: WitnessLine) => void;
  readonly isMended: () => boolean;
  readonly nowMs: () => number;
  /** `partition/offset` of the record that an attempt is of; left out where ids tell enough. */
  readonly placeOf?: (context: JobContext) => string;
}

type Told = Omit<WitnessLine, 'type' | 'atMs' | 'outcome'>;

/** The payload that stands for job `sequence` of an entity. */
export function stepPayload(entity: string, sequence: number): JobV1 {
  return {
    orderId: `${entity}#${sequence}`, customer: 'c', email: 'c@example.org', city: 'Oslo', createdAt: 0, sequence, amount: 1.5, currency: 'EUR',
    priority: 1, express: false, note: entity, lines: [], tags: [],
  };
}

/** The kind that a workload describes; its handler tells the witness all that it does. */
export function defineStep(workload: Workload, tools: StepTools, schema: PayloadSchema<JobV1> = jobV1): JobDefinition<string, JobV1> {
  let runs = 0;
  const { backoff, batch } = workload;
  const base = {
    kind: workload.kind,
    queue: workload.queue,
    schema,
    key: (payload: JobV1) => payload.note ?? '',
    order: workload.order,
    whenBuried: workload.whenBuried,
    delivery: workload.delivery,
    retry: { attempts: workload.attempts, backoff: { first: `${backoff.firstMs}ms`, factor: backoff.factor, max: `${backoff.maxMs}ms`, jitter: 0 } },
  } as const;
  const tell = (type: WitnessLine['type'], told: Told, outcome?: AttemptOutcome): void => {
    tools.write({ type, ...told, atMs: tools.nowMs(), ...(outcome === undefined ? {} : { outcome }) });
  };
  const begin = (payload: JobV1, facts: { readonly id: string; readonly attempt: number; readonly fence: number }, run: number): Told & { readonly mended: boolean } => {
    const [entity, sequence] = [payload.note ?? '', payload.sequence];
    const mended = isPoison(workload, entity, sequence) && tools.isMended();
    return { entity, sequence, id: facts.id, attempt: facts.attempt, fence: facts.fence, worker: tools.worker, run, round: mended ? 1 : 0, mended };
  };
  const fateOfAttempt = ({ entity, sequence, attempt, mended }: Told & { readonly mended: boolean }): Fate => fateOf(workload, entity, sequence, attempt, mended);
  const work = async (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false);

  if (batch === null) {
    return defineJob({
      ...base,
      async handle(payload, ctx) {
        const { mended, ...begun } = begin(payload, ctx, ++runs);
        const told = tools.placeOf === undefined ? begun : { ...begun, place: tools.placeOf(ctx) };
        tell('start', told);
        if (!await work(workMsOf(workload, told.entity, told.sequence, tools.isMended), ctx.signal)) {
          tell('end', told, 'aborted');
          throw ctx.signal.reason;
        }
        tell('effect', told);
        const fate = fateOfAttempt({ ...told, mended });
        tell('end', told, outcomeOf(fate));
        return answer(fate, workload);
      },
    });
  }
  return defineJob({
    ...base,
    batch: { maxSize: batch.maxSize, maxWait: `${batch.maxWaitMs}ms` },
    async handleBatch(jobs, { signal }) {
      const run = ++runs;
      const all = jobs.map((job) => begin(job.payload, job, run));
      for (const { mended: _, ...told } of all) tell('start', told);
      const finished = await work(Math.max(...all.map(({ entity, sequence }) => workMsOf(workload, entity, sequence, tools.isMended))), signal);
      const answers = new Map<string, Outcome>();
      for (const { mended, ...told } of all) {
        const fate = fateOfAttempt({ ...told, mended });
        if (finished) tell('effect', told);
        tell('end', told, finished ? outcomeOf(fate) : 'aborted');
        if (fate === 'throw') answers.set(told.id, retry());
        else if (fate !== 'left-out') answers.set(told.id, answer(fate, workload));
      }
      if (!finished) throw signal.reason;
      return answers;
    },
  });
}

function outcomeOf(fate: Fate): AttemptOutcome {
  switch (fate) {
    case 'done':
    case 'dead':
      return fate;
    case 'retry':
    case 'retry-slowly':
    case 'throw':
    case 'left-out':
      return 'retry';
  }
}

function answer(fate: Fate, { slowRetry }: Workload): Outcome {
  switch (fate) {
    case 'done':
    case 'left-out':
      return done();
    case 'retry':
      return retry();
    case 'retry-slowly':
      return retry(`${slowRetry?.afterMs ?? 0}ms`);
    case 'dead':
      return dead('its hash says so');
    case 'throw':
      throw new Error('its hash says so');
  }
}
