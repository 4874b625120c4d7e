import { jobIdOfKey, ONE_TENANT } from '../../shared/intake/jobIdOfKey.ts';

export interface TryOut {
  /** For a shell: sends a job; asks what became of it; asks the command line. */
  readonly commands: readonly [send: string, ask: string, operate: string];
  /** Of the job that the first of them sends. */
  readonly jobId: string;
}

/** Three commands that show what runs. @param ownHome the stack's folder is where the command line looks for it */
export function tryOut({ intakeUrl, statusUrl }: { readonly intakeUrl: string; readonly statusUrl: string }, key: string, ownHome: boolean): TryOut {
  const jobId = jobIdOfKey(ONE_TENANT, key);
  const job = { kind: 'flight.announce', payload: { date: '2001/01/01 06:55', delay: 42, distance: 337, origin: 'SFO', destination: 'LAX' } };
  return {
    jobId,
    commands: [
      `curl -s ${intakeUrl}/v1/jobs -H 'content-type: application/json' -H 'idempotency-key: ${key}' -d '${JSON.stringify(job)}'`,
      `curl -s ${statusUrl}/v1/jobs/${jobId}/explain`,
      `npm run -s millrace -- status ${jobId}${ownHome ? '' : ` --status-url ${statusUrl}`}`,
    ],
  };
}
