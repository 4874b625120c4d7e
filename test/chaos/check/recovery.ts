import type { History } from '../../guarantees/history.ts';
import { readExecutions } from '../../guarantees/executions.ts';
import type { Incident } from '../journal.ts';
import { hasWork, nextFinish, type PartitionTimes, type Stall } from './partitionTimes.ts';

/** How a run came back from one fault (ms); null where there was no work to come back to. */
export interface Recovery {
  readonly incident: Incident;
  /** No other fault was in force from its beginning until all partitions were back. */
  readonly isAlone: boolean;
  /** From the heal to the first completion anywhere, and until each partition with work had one. */
  readonly firstMs: number | null;
  readonly allMs: number | null;
  /** From the beginning until each partition with work had a completion: what a fault that concerns one worker costs. */
  readonly fromBeginMs: number | null;
}

export function measureRecoveries(incidents: readonly Incident[], times: ReadonlyMap<number, PartitionTimes>): Recovery[] {
  const measured = incidents.map((incident) => {
    const after = waits(times, incident.healMs);
    const begun = waits(times, incident.beginMs);
    const allMs = after === null ? null : Math.max(...after);
    return {
      incident, allMs,
      firstMs: after === null ? null : Math.min(...after),
      fromBeginMs: begun === null ? null : Math.max(...begun),
      overMs: Math.max(incident.healedMs, incident.healMs + (allMs ?? 0)),
    };
  });
  return measured.map(({ overMs, ...one }) => ({ ...one, isAlone: measured.every((other) => other.incident === one.incident || other.incident.beginMs > overMs || other.overMs < one.incident.beginMs) }));
}

function waits(times: ReadonlyMap<number, PartitionTimes>, atMs: number): number[] | null {
  const found = [...times.values()].filter((one) => hasWork(one, atMs)).flatMap((one) => {
    const next = nextFinish(one, atMs);
    return next === null ? [] : [next - atMs];
  });
  return found.length === 0 ? null : found;
}

/** From a kill to the next start of each job that it cut off (ms). */
export interface Rescue {
  readonly worker: string;
  readonly atMs: number;
  readonly waitsMs: readonly number[];
  /** Nothing else had happened right before, or happened until all were started again, or should have been. */
  readonly isAlone: boolean;
}

const CALM_BEFORE_MS = 3000;

export function measureRescues(kills: readonly { readonly worker: string; readonly atMs: number }[], history: History, incidents: readonly Incident[], boundMs: number): Rescue[] {
  const byJob = Map.groupBy(readExecutions(history.lines), ({ start }) => start.id);
  const cutOff = Map.groupBy([...byJob.values()].flat().filter(({ endAt }) => endAt === null), ({ start }) => start.worker);
  return kills.map(({ worker, atMs }) => {
    const waitsMs = (cutOff.get(worker) ?? []).flatMap(({ start }) => {
      const next = (byJob.get(start.id) ?? []).find((one) => one.start.worker !== worker && one.start.atMs > atMs);
      return next === undefined ? [] : [next.start.atMs - atMs];
    });
    const overMs = atMs + Math.min(boundMs, Math.max(0, ...waitsMs));
    const others = incidents.filter(({ beginMs, healedMs, name }) => !(name.startsWith('kill') && beginMs <= atMs && atMs <= beginMs + 2000) && beginMs < overMs && healedMs > atMs - CALM_BEFORE_MS);
    const sameTime = kills.filter((other) => Math.abs(other.atMs - atMs) < 2000).length;
    return { worker, atMs, waitsMs, isAlone: others.length === 0 && sameTime === 1 };
  });
}

/** The part of a stall in which no fault was in force any more. */
export function calmPart({ fromMs, toMs }: Stall, incidents: readonly Incident[]): number {
  const during = incidents.filter(({ beginMs, healedMs }) => beginMs < toMs && healedMs > fromMs);
  return Math.max(0, toMs - Math.max(fromMs, ...during.map(({ healedMs }) => healedMs)));
}

/** The value below which so many of them are; null of none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
