import type { JobPlace } from '../../../shared/commands/commandJobs.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { stateText } from '../../../shared/status/jobState.ts';
import type { JobView } from '../../../shared/status/jobView.ts';
import type { Session } from '../session.ts';

/** A job's place, and, where the status service was asked and knows it as over, what it is. */
export interface FoundPlace extends JobPlace {
  readonly queue: string;
  readonly over: string | null;
}

/** Where a job stands: as `--at queue/partition/offset` says, else as the status service knows. @throws MillraceError BAD_USAGE, JOB_UNKNOWN, STATUS_UNAVAILABLE */
export async function findPlace(session: Session, id: string, at: string | undefined): Promise<FoundPlace> {
  const job = at === undefined ? await session.status.get<JobView>(`/v1/jobs/${encodeURIComponent(id)}`) : null;
  const text = at ?? job?.at ?? '';
  const match = /^([^/]+)\/(\d{1,9})\/(\d{1,15})$/.exec(text);
  if (match === null) throw new MillraceError('BAD_USAGE', { at: '--at', expected: 'queue/partition/offset, as enqueue says it', got: text });
  const over = job !== null && ['done', 'dead', 'cancelled'].includes(job.state) ? stateText(job) : null;
  return { id, queue: match[1] ?? '', partition: Number(match[2]), offset: Number(match[3]), over };
}
