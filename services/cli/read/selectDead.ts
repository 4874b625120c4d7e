import type { Buried } from '../../../shared/commands/buried.ts';
import { selectBuried } from '../../../shared/commands/commandBuried.ts';
import type { Session } from '../session.ts';
import { readDeadOptions, type DeadOptions } from './deadOptions.ts';

/** The dead jobs that options mean. @throws MillraceError BAD_USAGE, TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function selectDead(session: Session, queue: string, options: DeadOptions): Promise<Buried[]> {
  const selection = readDeadOptions(options, session.clock.now());
  return selectBuried(await session.commandTools(), queue, selection);
}
