import type { Cut, WitnessLine } from '../../guarantees/history.ts';

const MOST_LINES = 24;
const NEIGHBOURS = 1;

/** The lines of the witness that a violation is about: its job, the ones beside it in its lane, and what was done to their workers. */
export function sliceHistory(violation: string, lines: readonly WitnessLine[], cuts: readonly Cut[]): string[] {
  const [, lane, number] = /(\S+@\d+)#(\d+)/.exec(violation) ?? [];
  if (lane === undefined) return [];
  const about = lines.filter(({ entity, sequence }) => entity === lane && Math.abs(sequence - Number(number)) <= NEIGHBOURS);
  const workers = new Set(about.map(({ worker }) => worker));
  const fromMs = Math.min(...about.map(({ atMs }) => atMs)) - 60_000;
  const told = [
    ...about.map((line) => ({ atMs: line.atMs, text: `${line.type} ${line.entity}#${line.sequence} (${line.id}) attempt ${line.attempt} on ${line.worker}, fence ${line.fence}${line.outcome === undefined ? '' : `: ${line.outcome}`}` })),
    ...cuts.filter(({ worker, atMs }) => workers.has(worker) && atMs >= fromMs).map(({ type, worker, atMs, sinceMs, untilMs }) => ({
      atMs, text: `${worker} ${type}${sinceMs === undefined ? '' : `, what ended since ${clock(sinceMs)}`}${untilMs === undefined ? '' : `, until ${clock(untilMs)}`}`,
    })),
  ].sort((a, b) => a.atMs - b.atMs);
  return told.slice(0, MOST_LINES).map(({ atMs, text }) => `${clock(atMs)} ${text}`);
}

function clock(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString().slice(11, 23) : 'ever';
}
