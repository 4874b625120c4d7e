import type { JobPlace } from '../../../shared/commands/commandJobs.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { JobView } from '../../../shared/status/jobView.ts';
import type { Session } from '../session.ts';

/** Where a job stands: as `--at queue/partition/offset` says, else as the status service knows. @throws MillraceError BAD_USAGE, JOB_UNKNOWN, STATUS_UNAVAILABLE */
export async function findPlace(session: Session, id: string, at: string | undefined): Promise<JobPlace & { readonly queue: string }> {
  const text = at ?? (await session.status.get<JobView>(`/v1/jobs/${encodeURIComponent(id)}`)).at;
  const match = /^([^/]+)\/(\d{1,9})\/(\d{1,15})$/.exec(text);
  if (match === null) throw new MillraceError('BAD_USAGE', { at: '--at', expected: 'queue/partition/offset, as enqueue says it', got: text });
  return { id, queue: match[1] ?? '', partition: Number(match[2]), offset: Number(match[3]) };
}
