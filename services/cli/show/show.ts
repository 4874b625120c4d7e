import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import type { CliHost } from '../cliHost.ts';
import { createProgressBar, type ProgressBar } from './progressBar.ts';

/** What a command tells: its result on standard output, for people or as one JSON document; all else on standard error. */
export interface Show {
  readonly json: boolean;
  /** The result. `text` is asked only when people read it. */
  result(value: unknown, text: () => string): void;
  /** A remark for people; machines do not get it. */
  note(text: string): void;
  /** What machines need to know too, before there is a result: for them one line of JSON on standard error. */
  alert(value: object, text: string): void;
  readonly bar: ProgressBar;
}

export function createShow({ stdout, stderr }: Pick<CliHost, 'stdout' | 'stderr'>, json: boolean, clock: Pick<Clock, 'monotonic'>): Show {
  return {
    json,
    result(value, text) {
      const shown = printable(json ? JSON.stringify(value, null, 2) : text());
      if (shown !== '') stdout.write(`${shown}\n`);
    },
    alert(value, text) { stderr.write(`${printable(json ? JSON.stringify(value) : text)}\n`); },
    note(text) { if (!json) stderr.write(`${printable(text)}\n`); },
    bar: json ? { show: () => undefined, clear: () => undefined } : createProgressBar(stderr, clock),
  };
}

/** An error as the command line tells it. */
export function showError({ stderr }: Pick<CliHost, 'stderr'>, error: unknown, json: boolean): void {
  const message = error instanceof Error ? error.message : String(error);
  const code = isMillraceError(error) ? error.code : 'UNEXPECTED';
  const fields = isMillraceError(error) ? error.detail.fields : undefined;
  if (json) stderr.write(`${printable(JSON.stringify({ error: { code, message, ...(fields === undefined ? {} : { fields }) } }))}\n`);
  // The message has the first of them.
  else stderr.write(`${printable(`millrace: ${message}${(fields ?? []).length < 2 ? '' : (fields ?? []).map((one) => `\n  ${one.field}: ${one.message}`).join('')}`)}\n`);
}

/** Keys, notes and messages are anybody's: what commands a terminal is shown by its number. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
