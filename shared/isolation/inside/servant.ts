import { MillraceError } from '../../errors/MillraceError.ts';
import { describeFailure } from '../../jobs/describeFailure.ts';
import { AttemptContext, type AttemptFacts, type JobLogger } from '../../jobs/jobContext.ts';
import type { Handle } from '../../jobs/jobDefinition.ts';
import { isPermanent } from '../../jobs/permanentError.ts';
import { readAnswer } from '../../jobs/readAnswer.ts';
import type { FromSandbox, HandlerEnd, LogLevelName, SandboxTask, ToSandbox } from '../sandboxMessages.ts';
import { writeLine } from './writeLine.ts';

/**
 * Serves one worker: runs the handler for each task, says how it ended, and hands aborts on. Each task's number goes with all that is said
 * of it, so that what an attempt still says after its end is not taken for the next one's.
 */
export function createServant(handle: Handle<unknown>, tell: (message: FromSandbox) => void, rssBytes: () => number, now: () => number): (message: ToSandbox) => void {
  let current: { readonly number: number; readonly context: AttemptContext } | null = null;

  const run = async (number: number, task: SandboxTask): Promise<void> => {
    const context = new AttemptContext(factsOf(task, number, tell));
    current = { number, context };
    let end: HandlerEnd;
    try {
      end = { type: 'answered', outcome: { ...readAnswer(await handle(task.payload, context), now()) } };
    } catch (error) {
      end = { type: 'threw', failure: describeFailure(error, now()), permanent: isPermanent(error) };
    }
    current = null;
    tell({ type: 'ended', number, end, rssBytes: rssBytes() });
  };

  return (message) => {
    switch (message.type) {
      case 'run':
        void run(message.number, message.task);
        return;
      case 'abort': {
        const { code, at, expected } = message;
        if (current?.number === message.number) current.context.abort(new MillraceError(code, { ...(at === null ? {} : { at }), ...(expected === null ? {} : { expected }) }));
        return;
      }
    }
  };
}

function factsOf(task: SandboxTask, number: number, tell: (message: FromSandbox) => void): AttemptFacts {
  const { payload: _, ...facts } = task;
  return {
    ...facts,
    tellProgress: (fraction, note) => { tell({ type: 'progress', number, fraction, note }); },
    createLogger: () => createLogger((level, fields, message) => { tell({ type: 'log', number, ...writeLine(level, fields, message) }); }),
  };
}

function createLogger(write: (level: LogLevelName, fields: unknown, message: string | undefined) => void): JobLogger {
  const method = (level: LogLevelName) => (fields: unknown, message?: string) => {
    if (typeof fields === 'string') write(level, {}, fields);
    else write(level, fields, message);
  };
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}
