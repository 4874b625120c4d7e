/** The handler of the isolated kind: the workload's step, in its sandbox. */
import { RUNS_OF_SANDBOX } from '../tellSandboxDeaths.ts';
import { readVictim } from './parameters.ts';
import { witnessedJob } from './witnessedJob.ts';

/** Sandboxes of one worker number their runs apart. */
export const { handle } = witnessedJob(readVictim(), process.pid * RUNS_OF_SANDBOX);
