import type { Buried } from '../../../shared/commands/buried.ts';
import { selectBuried } from '../../../shared/commands/commandBuried.ts';
import type { TagsOf } from '../../../shared/commands/deadSelection.ts';
import type { JobView } from '../../../shared/status/jobView.ts';
import type { Session } from '../session.ts';
import { readDeadOptions, type DeadOptions } from './deadOptions.ts';

/** The dead jobs that options mean. @throws MillraceError BAD_USAGE, TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function selectDead(session: Session, queue: string, options: DeadOptions): Promise<Buried[]> {
  const selection = readDeadOptions(options, session.clock.now());
  const tagsOf = selection.tags === undefined ? undefined : await readTags(session, queue, selection.tags);
  return selectBuried(await session.commandTools(), queue, selection, tagsOf);
}

const PAGE = 500;

/** The tags of a queue's dead jobs, of those that bear one of `tags`, as the status service knows them. */
async function readTags({ status }: Session, queue: string, tags: readonly string[]): Promise<TagsOf> {
  const found = new Map<string, ReadonlySet<string>>();
  let cursor: string | undefined;
  do {
    const page: { readonly jobs: readonly JobView[]; readonly cursor: string | null } = await status.get(`/v1/queues/${encodeURIComponent(queue)}/dead`, { tag: tags, limit: PAGE, cursor });
    for (const job of page.jobs) found.set(job.at, new Set(job.tags));
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return ({ partition, offset }) => found.get(`${queue}/${partition}/${offset}`) ?? NONE;
}

const NONE: ReadonlySet<string> = new Set();
