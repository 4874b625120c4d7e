/** What services/intake takes in: the workload's kind, which runs elsewhere. */
import { defineStep } from '../../guarantees/process/stepJob.ts';
import { readVictim } from './parameters.ts';

export const job = defineStep(readVictim().workload, { worker: 'door', write: () => undefined, isMended: () => false, nowMs: () => 0 });
