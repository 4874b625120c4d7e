import type { History, WitnessLine } from '../guarantees/history.ts';

/** Runs of a sandbox are numbered from its process's id times this. */
export const RUNS_OF_SANDBOX = 1_000_000;

export interface SandboxDeath {
  readonly pid: number;
  readonly worker: string;
  readonly atMs: number;
}

/**
 * What the witness could not see of attempts whose sandbox died under a worker that lives: they failed then. One had begun, or had ended and nobody was
 * told, or had not come to its first line. Pure.
 */
export function tellSandboxDeaths<Seen extends Pick<History, 'lines' | 'commits'>>(history: Seen, deaths: readonly SandboxDeath[]): Seen {
  return deaths.reduce(tellOne, history);
}

function tellOne<Seen extends Pick<History, 'lines' | 'commits'>>(history: Seen, { pid, worker, atMs }: SandboxDeath): Seen {
  const { lines } = history;
  const insert = (at: number, ...told: WitnessLine[]): Seen => ({
    ...history,
    lines: lines.toSpliced(at, 0, ...told),
    // A look at the commits counts the lines that there were.
    commits: history.commits.map((sight) => (sight.lines > at ? { ...sight, lines: sight.lines + told.length } : sight)),
  });
  const isMine = (line: WitnessLine): boolean => line.worker === worker && Math.floor(line.run / RUNS_OF_SANDBOX) === pid;
  const last = lines.findLast((line) => isMine(line) && line.type === 'start');
  const failed = { type: 'end', outcome: 'retry', atMs } as const;
  const before = (from: number): number => {
    const later = lines.findIndex((line, index) => index > from && line.atMs > atMs);
    return later < 0 ? lines.length : later;
  };
  if (last !== undefined) {
    const isEnd = (line: WitnessLine): boolean => line.type === 'end' && isMine(line) && line.run === last.run;
    const end = lines.find(isEnd);
    if (end === undefined) return insert(before(lines.indexOf(last)), { ...last, ...failed });
    const isNext = (line: WitnessLine): boolean => line.type === 'start' && line.id === last.id && line.attempt === last.attempt + 1;
    if (end.outcome === 'done' && lines.some(isNext)) return { ...history, lines: lines.map((line) => (isEnd(line) ? { ...line, outcome: 'retry' } : line)) };
  }
  const skipped = lines.find(({ type, id, attempt, worker: by }) => type === 'start' && by === worker && attempt > 1 && !lines.some((line) => line.id === id && line.attempt === attempt - 1));
  if (skipped === undefined) return history;
  const unseen = { ...skipped, attempt: skipped.attempt - 1, run: pid * RUNS_OF_SANDBOX };
  return insert(before(-1), { ...unseen, atMs }, { ...unseen, ...failed });
}
