import type { Cut } from '../../guarantees/history.ts';
import type { Heard } from '../worker/fleet.ts';

/** A time in which Kafka may have taken nothing of some worker (epoch ms). */
export interface Disturbance {
  readonly fromMs: number;
  /** When its cause was gone. */
  readonly toMs: number;
}

export interface CutOptions {
  /** What the run did to workers: kills, freezes, blocked loops. */
  readonly made: readonly Cut[];
  readonly heard: readonly Heard[];
  readonly disturbances: readonly Disturbance[];
  readonly flushWindowMs: number;
  readonly sessionTimeoutMs: number;
  /** Until when a hand-over or a stop waits for Kafka, before it lets go. */
  readonly patienceMs: number;
}

/** After its end a disturbance is felt for so long: leaders and replicas return, refused writes wait up to five seconds before they are tried again. */
const LINGERS_MS = 15_000;

/**
 * Everything after which attempts may be repeated. What could not be flushed when a worker was cut off had ended at most since the beginning of the
 * disturbance in which that happened. @returns beside the cuts, expulsions that nothing explains
 */
export function collectCuts(options: CutOptions): { readonly cuts: Cut[]; readonly unexplained: string[] } {
  const { made, heard, disturbances, flushWindowMs, sessionTimeoutMs, patienceMs } = options;
  const since = (atMs: number): number => Math.min(atMs, ...disturbances.filter(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs + LINGERS_MS).map(({ fromMs }) => fromMs));
  const cuts: Cut[] = made.map((cut) => ({ ...cut, sinceMs: since(cut.atMs) - flushWindowMs }));
  const unexplained: string[] = [];
  for (const { worker, atMs, said } of heard) {
    if (said.type !== 'lost') continue;
    const fromMs = since(atMs);
    const isFrozen = made.some((cut) => cut.worker === worker && cut.type === 'frozen' && cut.atMs <= atMs);
    if (fromMs === atMs && !isFrozen) unexplained.push(`${worker} lost partitions ${said.partitions.join(', ')}, and nothing had happened to it`);
    // The group may have given it up a session earlier than it could know.
    const atMostMs = Math.min(fromMs, atMs - sessionTimeoutMs);
    cuts.push({ type: 'expelled', worker, atMs: atMostMs, sinceMs: atMostMs - flushWindowMs, untilMs: atMs + sessionTimeoutMs });
  }
  const workers = new Set(heard.map(({ worker }) => worker));
  for (const { fromMs, toMs } of join(disturbances)) {
    if (toMs - fromMs <= patienceMs) continue;
    for (const worker of workers) cuts.push({ type: 'outage', worker, atMs: fromMs, sinceMs: fromMs - flushWindowMs, untilMs: toMs });
  }
  return { cuts: cuts.sort((a, b) => a.atMs - b.atMs), unexplained };
}

/** Disturbances that are felt into one another are one. */
function join(disturbances: readonly Disturbance[]): Disturbance[] {
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of [...disturbances].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    const untilMs = toMs + Math.min(LINGERS_MS, 2 * (toMs - fromMs) + 1000);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, untilMs);
    else joined.push({ fromMs, toMs: untilMs });
  }
  return joined;
}
