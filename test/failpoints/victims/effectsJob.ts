/** The workload's job, under a lock that other entities want too, with effects in a database before it begins. */
import { appendFileSync } from 'node:fs';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import type { JobTransaction } from '../../../shared/jobs/jobEffects.ts';
import type { WorkerParameters } from '../../guarantees/process/workerParameters.ts';
import { EFFECT_STEPS, lockOf } from '../effects.ts';
import { witnessedJob } from './witnessedJob.ts';

/** What a death costs those who wait for the dead. */
const LEASE = '3s';

export function effectsJob(parameters: WorkerParameters): JobDefinition<string, JobV1> {
  const step = witnessedJob(parameters);
  const { queue } = parameters.workload;
  const [whole, part] = EFFECT_STEPS;
  let runs = 0;
  return {
    ...step,
    handle: (payload, ctx) => ctx.withLock(`${queue} ${lockOf(payload.note ?? '')}`, async ({ name, token }) => {
      const write = (of: string) => (tx: JobTransaction): Promise<string> => (
        tx.query('insert into failpoint_effects (job, step, lock, token) values ($1, $2, $3, $4)', [ctx.id, of, name, token]).then(() => of)
      );
      try {
        await ctx.transaction(write(whole));
        await ctx.once(part, write(part));
      } catch (error) {
        // The witness shall know of an attempt that comes to nothing before the step begins; the loss of the lock is held against it.
        const told = { entity: payload.note ?? '', sequence: payload.sequence, id: ctx.id, attempt: ctx.attempt, fence: ctx.fence, worker: parameters.workerId, run: -(runs += 1), round: 0, atMs: performance.timeOrigin + performance.now() };
        const outcome = isMillraceError(error) && error.code !== 'LOCK_LOST' ? 'aborted' : 'retry';
        appendFileSync(parameters.witnessFile, `${JSON.stringify({ type: 'start', ...told })}\n${JSON.stringify({ type: 'end', ...told, outcome })}\n`);
        process.stdout.write(`no effect ${String(error)}\n`);
        throw error;
      }
      return step.handle?.(payload, ctx);
    }, { lease: LEASE }),
  };
}
