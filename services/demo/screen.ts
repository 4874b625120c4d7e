/** What the demo tells, in whichever form the reader wants it. */
export interface Screen {
  /** A line that stays. */
  say(text: string): void;
  progress(progress: Progress): void;
  /** Something with fields for machines, and lines for people. */
  tell(event: string, fields: object, lines: readonly string[]): void;
}

export interface Progress {
  readonly run: string;
  readonly total: number;
  readonly enqueued: number;
  readonly done: number;
  readonly running: number;
  readonly waiting: number;
  readonly buried: number;
  /** Jobs done a second, lately. */
  readonly jobsPerSecond: number;
  readonly elapsedMs: number;
}

/** `line`: one line that is written anew, for terminals; `lines`: a line a report; `json`: one object a line. */
export type ScreenForm = 'line' | 'lines' | 'json';

const CLEAR_LINE = '\r\u001b[2K';

/** @param columns the terminal's width, asked at each line that is written anew */
export function createScreen(form: ScreenForm, write: (text: string) => void, columns: () => number): Screen {
  switch (form) {
    case 'json': {
      const put = (event: string, fields: object): void => { write(`${JSON.stringify({ event, ...fields })}\n`); };
      return { say: (text) => { put('say', { text }); }, progress: (progress) => { put('progress', progress); }, tell: put };
    }
    case 'lines':
      return {
        say: (text) => { write(`${text}\n`); },
        progress: (progress) => { write(`${describeProgress(progress)}\n`); },
        tell: (_event, _fields, lines) => { for (const line of lines) write(`${line}\n`); },
      };
    case 'line': {
      const say = (text: string): void => { write(`${CLEAR_LINE}${text}\n`); };
      return {
        say,
        progress: (progress) => { write(`${CLEAR_LINE}${describeProgress(progress).slice(0, Math.max(20, columns() - 1))}`); },
        tell: (_event, _fields, lines) => { for (const line of lines) say(line); },
      };
    }
  }
}

export function describeProgress({ total, enqueued, done, running, waiting, buried, jobsPerSecond, elapsedMs }: Progress): string {
  return [
    `${seconds(elapsedMs)} s`, `enqueued ${count(enqueued)} of ${count(total)}`, `done ${count(done)}`, `running ${count(running)}`, `waiting ${count(waiting)}`,
    `buried ${count(buried)}`, `${count(Math.round(jobsPerSecond))} jobs/s`,
  ].join(' · ');
}

export function count(number: number): string {
  return number.toLocaleString('en-US');
}

/** "1 job", "2 jobs". */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

export function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}
