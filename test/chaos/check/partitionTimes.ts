import { buries, readExecutions, type Execution } from '../../guarantees/executions.ts';
import type { History } from '../../guarantees/history.ts';
import type { LoggedJob } from './mainLog.ts';

/** When jobs of one partition arrived, were finished, and when anything of them moved; sorted, epoch ms. */
export interface PartitionTimes {
  readonly arrivals: readonly number[];
  readonly finishes: readonly number[];
  readonly moves: readonly number[];
}

/** A time in which a partition had work and nothing of it moved. */
export interface Stall {
  readonly partition: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export function timePartitions(jobs: readonly LoggedJob[], history: History): Map<number, PartitionTimes> {
  const partitionOf = new Map(history.accepted.map(({ id, partition }) => [id, partition]));
  const finishedMs = new Map<string, number>();
  const moves = new Map<number, number[]>();
  for (const { id, atMs } of history.lines) push(moves, partitionOf.get(id) ?? -1, atMs);
  for (const execution of readExecutions(history.lines)) {
    const { id } = execution.start;
    if (isOver(execution, history) && !finishedMs.has(id)) finishedMs.set(id, execution.endMs ?? 0);
  }
  const finishes = new Map<number, number[]>();
  for (const [id, atMs] of finishedMs) push(finishes, partitionOf.get(id) ?? -1, atMs);
  const arrivals = new Map<number, number[]>();
  for (const { partition, offset, timestampMs } of jobs) if (partitionOf.has(`${partition}/${offset}`)) push(arrivals, partition, timestampMs);
  return new Map([...arrivals].map(([partition, times]) => [partition, { arrivals: sorted(times), finishes: sorted(finishes.get(partition) ?? []), moves: sorted(moves.get(partition) ?? []) }]));
}

function isOver(execution: Execution, { policy }: History): boolean {
  return execution.outcome === 'done' || buries(execution, policy);
}

/** How many of the sorted times are at or before that moment. */
export function countUntil(times: readonly number[], atMs: number): number {
  let [from, to] = [0, times.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((times[middle] ?? 0) <= atMs) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Work that had arrived by then and was not finished. */
export function hasWork({ arrivals, finishes }: PartitionTimes, atMs: number): boolean {
  return countUntil(arrivals, atMs) > countUntil(finishes, atMs);
}

/** The first completion after that moment; null: none came. */
export function nextFinish({ finishes }: PartitionTimes, atMs: number): number | null {
  return finishes[countUntil(finishes, atMs)] ?? null;
}

/** Every time of at least so long in which a partition had work and nothing moved. */
export function findStalls(times: ReadonlyMap<number, PartitionTimes>, leastMs: number, endMs: number): Stall[] {
  const stalls: Stall[] = [];
  for (const [partition, one] of times) {
    let lastMs = one.arrivals[0] ?? endMs;
    for (const atMs of [...one.moves, endMs]) {
      if (atMs - lastMs >= leastMs) {
        // Idle until the next arrival, where all was finished before.
        const fromMs = hasWork(one, lastMs) ? lastMs : (one.arrivals[countUntil(one.arrivals, lastMs)] ?? atMs);
        if (atMs - fromMs >= leastMs) stalls.push({ partition, fromMs, toMs: atMs });
      }
      lastMs = Math.max(lastMs, atMs);
    }
  }
  return stalls.sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs));
}

function push(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

const sorted = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);
