import type { WorkerParameters } from '../../guarantees/process/workerParameters.ts';

/** What the parent wants of this process. */
export function readVictim(): WorkerParameters {
  return JSON.parse(process.env['FAILPOINT_VICTIM'] ?? '{}') as WorkerParameters;
}
