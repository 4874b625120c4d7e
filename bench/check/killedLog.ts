import { openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { endings, type Ending, type Run } from './journal.ts';

/** Rows of three numbers: sequence, time, and 0 for a start, or the number of the ending + 1. Written as they happen, so that they outlive a SIGKILL. */
const WIDTH = 3;

export interface KilledLog {
  started(sequence: number, atMs: number): void;
  ended(sequence: number, atMs: number, ending: Ending): void;
}

export function openKilledLog(file: string): KilledLog {
  const fd = openSync(file, 'a');
  const write = (sequence: number, atMs: number, code: number): void => { writeSync(fd, new Uint8Array(Float64Array.of(sequence, atMs, code).buffer)); };
  return {
    started: (sequence, atMs) => { write(sequence, atMs, 0); },
    ended: (sequence, atMs, ending) => { write(sequence, atMs, 1 + endings.indexOf(ending)); },
  };
}

/** What a killed worker did: the runs that ended, and the jobs that it was at. */
export async function readKilledLog(file: string): Promise<{ readonly runs: readonly Run[]; readonly underWay: ReadonlySet<number> }> {
  const bytes = await readFile(file);
  const rows = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + Math.floor(bytes.length / (8 * WIDTH)) * 8 * WIDTH));
  const runs: Run[] = [];
  const starts = new Map<number, number>();
  for (let at = 0; at < rows.length; at += WIDTH) {
    const [sequence = 0, atMs = 0, code = 0] = rows.subarray(at, at + WIDTH);
    const ending = code === 0 ? undefined : endings[code - 1];
    if (ending === undefined) starts.set(sequence, atMs);
    else {
      runs.push({ sequence, startMs: starts.get(sequence) ?? atMs, endMs: atMs, ending });
      starts.delete(sequence);
    }
  }
  return { runs, underWay: new Set(starts.keys()) };
}
