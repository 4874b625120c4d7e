/** The workload's job, under a lock that other entities want too, with effects in a database before it begins. */
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import type { JobTransaction } from '../../../shared/jobs/jobEffects.ts';
import type { WorkerParameters } from '../../guarantees/process/workerParameters.ts';
import { EFFECT_STEPS, lockOf } from '../effects.ts';
import { witnessedJob } from './witnessedJob.ts';

/** What a death costs those who wait for the dead. */
const LEASE = '2s';

export function effectsJob(parameters: WorkerParameters): JobDefinition<string, JobV1> {
  const step = witnessedJob(parameters);
  const { queue } = parameters.workload;
  const [whole, part] = EFFECT_STEPS;
  return {
    ...step,
    handle: (payload, ctx) => ctx.withLock(`${queue} ${lockOf(payload.note ?? '')}`, async ({ name, token }) => {
      const write = (of: string) => (tx: JobTransaction): Promise<string> => (
        tx.query('insert into failpoint_effects (job, step, lock, token) values ($1, $2, $3, $4)', [ctx.id, of, name, token]).then(() => of)
      );
      await ctx.transaction(write(whole));
      await ctx.once(part, write(part));
      return step.handle?.(payload, ctx);
    }, { lease: LEASE }),
  };
}
