import { CommanderError } from 'commander';
import { didYouMean } from '../../shared/errors/didYouMean.ts';
import { isMillraceError, MillraceError } from '../../shared/errors/MillraceError.ts';
import { findQueues } from '../../shared/status/findQueues.ts';
import type { CliHost } from './cliHost.ts';
import { exitCodeOf, exitCodes, type ExitCode } from './exitCodes.ts';
import { createProgram } from './program.ts';
import { openSession, type Session } from './session.ts';
import { showError } from './show/show.ts';

/** Runs one command line. Errors of millrace and wrong usage are told on standard error; all others are thrown. @param open how a command reaches the cluster */
export async function runCli(host: CliHost, args: readonly string[], version: string, open: typeof openSession = openSession): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.ok;
  const program = createProgram(host, async (options, action) => {
    const session = await open(host, options);
    try {
      exit = (await action(session).catch((error: unknown) => explainMissing(session, error))) ?? exitCodes.ok;
    } finally {
      await session.close();
    }
  }, version);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!isMillraceError(error)) throw error;
    showError(host, error, args.includes('--json'));
    return exitCodeOf(error);
  }
}

/** A topic that is missing is mostly a queue that was misspelt. */
async function explainMissing(session: Session, error: unknown): Promise<never> {
  if (!isMillraceError(error, 'TOPIC_MISSING') || error.detail.fix !== undefined || error.detail.told !== undefined) throw error;
  const queues = await findQueues(session.admin).catch(() => []);
  const meant = didYouMean((error.detail.at ?? '').replace(/\.(retry|dlq|events)$/, ''), queues);
  throw meant === null ? error : new MillraceError('TOPIC_MISSING', { ...error.detail, fix: `Did you mean the queue ${meant}?`, cause: error });
}
