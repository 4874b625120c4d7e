/** The workload's job; what has a large payload gives back a large result. */
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { done, isOutcome, MAX_RESULT_BYTES } from '../../../shared/jobs/outcome.ts';
import type { WorkerParameters } from '../../guarantees/process/workerParameters.ts';
import { isLarge } from '../claims.ts';
import { witnessedJob } from './witnessedJob.ts';

export function claimsJob(parameters: WorkerParameters): JobDefinition<string, JobV1> {
  const step = witnessedJob(parameters);
  return {
    ...step,
    async handle(payload, ctx) {
      const answer = await step.handle?.(payload, ctx);
      const isDone = isOutcome(answer) && answer.type === 'done';
      return isDone && isLarge(payload.sequence) ? done({ of: ctx.id, sheet: 'y'.repeat(MAX_RESULT_BYTES) }) : answer;
    },
  };
}
