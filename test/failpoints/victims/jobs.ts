/** What services/worker is given to run. */
import { readVictim } from './parameters.ts';
import { witnessedJob } from './witnessedJob.ts';

export const job = witnessedJob(readVictim());
