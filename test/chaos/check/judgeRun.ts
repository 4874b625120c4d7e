import { seenByFencedSink } from '../../guarantees/executions.ts';
import type { CommitSight, Cut, History, WitnessLine } from '../../guarantees/history.ts';
import type { Workload } from '../../guarantees/process/workload.ts';
import { allKept } from '../../guarantees/promises/everyPromise.ts';
import { findViolations } from '../../guarantees/promises/guarantee.ts';
import type { Handed } from '../load/load.ts';
import { checkEnqueued } from './enqueued.ts';
import type { MainLog } from './mainLog.ts';
import { placeLines, selectLines } from './placeLines.ts';
import { sliceHistory } from './sliceHistory.ts';

export interface RunFacts {
  readonly workload: Workload;
  readonly handed: ReadonlyMap<string, Handed>;
  readonly log: MainLog;
  readonly lines: readonly WitnessLine[];
  readonly sights: readonly CommitSight[];
  readonly cuts: readonly Cut[];
  /** When workers could be zombies that do not know yet (epoch ms). */
  readonly awakenings: readonly { readonly worker: string; readonly atMs: number }[];
  readonly flushWindowMs: number;
}

export interface Verdict {
  /** As a sink sees it that refuses lower fences. */
  readonly history: History;
  readonly violations: readonly { readonly what: string; readonly slice: readonly string[] }[];
  /** Lines that such a sink refuses. */
  readonly zombieLines: number;
  readonly doubled: number;
}

/** How long after it woke, or heard that it was expelled, a worker may still do what it had begun. */
const NEWS_TAKES_MS = 8000;

/** Holds a run to every promise. */
export function judgeRun(facts: RunFacts): Verdict {
  const { workload: { order, whenBuried, attempts, backoff }, handed, log, cuts, flushWindowMs } = facts;
  const placed = placeLines(log, facts.lines, facts.sights);
  const fenced = new Set(seenByFencedSink(placed.lines));
  const { lines, commits } = selectLines(placed.lines, placed.commits, (line) => fenced.has(line));
  const history: History = { policy: { order, whenBuried, attempts, backoff }, accepted: placed.accepted, lines, cuts, buried: placed.buried, commits, flushWindowMs };
  const violations = [
    ...checkEnqueued(handed, log.jobs),
    ...placed.phantoms.map((phantom) => `no phantom: ${phantom}`),
    ...findViolations(allKept, history),
    ...findZombieStarts(placed.lines.filter((line) => !fenced.has(line)), facts),
  ];
  return {
    history,
    violations: violations.map((what) => ({ what, slice: sliceHistory(what, placed.lines, cuts) })),
    zombieLines: placed.lines.length - lines.length,
    doubled: placed.doubled,
  };
}

/** A worker begins nothing more once it can know that others own its partitions. */
function findZombieStarts(refused: readonly WitnessLine[], { awakenings, cuts }: RunFacts): string[] {
  return refused
    .filter(({ type, worker, atMs }) => type === 'start'
      && !awakenings.some((one) => one.worker === worker && one.atMs <= atMs && atMs <= one.atMs + NEWS_TAKES_MS)
      && !cuts.some((cut) => cut.worker === worker && cut.type === 'expelled' && cut.atMs <= atMs && atMs <= (cut.untilMs ?? 0)))
    .map(({ entity, sequence, attempt, worker, fence }) => `zombie starts nothing: ${entity}#${sequence} (attempt ${attempt}) was started by ${worker} with fence ${fence}, which its entity had outgrown`);
}
