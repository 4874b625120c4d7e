import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DelayStatistics } from './delayStatistics.ts';

/** Which attempt writes a line. */
export interface Attempt {
  /** The entity. */
  readonly airport: string;
  /** The job's place among the jobs of its airport, from 0. */
  readonly sequence: number;
  readonly attempt: number;
  /** The fencing token: rises when another worker, or a later life of this one, takes over. */
  readonly fence: number;
}

/** One line of the witness: an attempt began; it had its effect; it ended. */
export type WitnessLine =
  | ({ readonly at: 'start' } & Attempt)
  | ({ readonly at: 'effect'; readonly statistics: DelayStatistics } & Attempt)
  | ({ readonly at: 'end'; readonly outcome: 'done' | 'failed' | 'dead' } & Attempt);

/** The latest effect on an airport: the place of the job that had it, and what it left. */
export type Latest = Pick<Extract<WitnessLine, { at: 'effect' }>, 'sequence' | 'statistics'>;

/**
 * A folder with one append-only file of JSON lines a run. It is both the sink of the jobs (their effects are in it) and the witness of
 * what happened in which order.
 */
export interface Witness {
  /** Appends a line; it is with the operating system when this resolves, so it outlives the process. */
  record(run: string, line: WitnessLine): Promise<void>;
  /** The latest effect on an airport in a run, also one of an earlier process; undefined before the first. */
  latest(run: string, airport: string): Promise<Latest | undefined>;
}

/** Opens the folder; reads and writes only when asked to. `recorded` is told each line once it is written. */
export function openWitness(folder: string, recorded: (run: string, line: WitnessLine) => void = () => undefined): Witness {
  const runs = new Map<string, Promise<Map<string, Latest>>>();
  const effects = (run: string): Promise<Map<string, Latest>> => {
    let known = runs.get(run);
    if (known === undefined) {
      known = mkdir(folder, { recursive: true }).then(() => readWitness(folder, run)).then((lines) => (
        new Map(lines.flatMap((line) => (line.at === 'effect' ? [[line.airport, line] as const] : [])))
      ));
      runs.set(run, known);
    }
    return known;
  };
  return {
    async record(run, line) {
      const latest = await effects(run);
      await appendFile(fileOf(folder, run), `${JSON.stringify(line)}\n`);
      if (line.at === 'effect') latest.set(line.airport, line);
      recorded(run, line);
    },
    latest: async (run, airport) => (await effects(run)).get(airport),
  };
}

/** All lines of a run, in the order in which they were written; none where there is no such run. */
export async function readWitness(folder: string, run: string): Promise<WitnessLine[]> {
  const text = await readFile(fileOf(folder, run), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WitnessLine);
}

function fileOf(folder: string, run: string): string {
  return join(folder, `${run}.jsonl`);
}
