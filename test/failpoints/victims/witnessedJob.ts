import { existsSync, openSync, writeSync } from 'node:fs';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { defineStep } from '../../guarantees/process/stepJob.ts';
import type { WorkerParameters } from '../../guarantees/process/workerParameters.ts';

/** The workload's job, told to the witness; its first attempt begins the process's phase `run`. Runs are numbered from `firstRun` on. */
export function witnessedJob({ workload, workerId, witnessFile, mendedFile }: WorkerParameters, firstRun = 0): JobDefinition<string, JobV1> {
  const witness = openSync(witnessFile, 'a');
  return defineStep(workload, {
    worker: workerId,
    write(line) {
      if (globalThis.__failpoint.phase === 'start') globalThis.__failpoint.phase = 'run';
      writeSync(witness, `${JSON.stringify({ ...line, run: firstRun + line.run })}\n`);
    },
    isMended: () => existsSync(mendedFile),
    nowMs: () => performance.timeOrigin + performance.now(),
  });
}
