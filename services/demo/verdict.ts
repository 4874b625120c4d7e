import { checkStatistics, type Difference } from '../../examples/flights/checkStatistics.ts';
import { checkWitness, type Violation } from '../../examples/flights/checkWitness.ts';
import { runOf } from '../../examples/flights/jobId.ts';
import type { RunPlan } from '../../examples/flights/planRun.ts';
import type { WitnessLine } from '../../examples/flights/witness.ts';
import type { BuriedJob } from '../../shared/index.ts';
import { count, counted, seconds } from './screen.ts';
import type { TallyReading } from './tally.ts';

/** What is known when a run is over. */
export interface RunEvidence {
  readonly plan: RunPlan;
  readonly tally: TallyReading;
  readonly lines: readonly WitnessLine[];
  /** Earlier runs whose jobs went on in this start. */
  readonly earlier: ReadonlyMap<string, readonly WitnessLine[]>;
  /** All that lies in the dead-letter topic. */
  readonly deadLetters: readonly BuriedJob[];
  /** From the first enqueue to the last end. */
  readonly elapsedMs: number;
  /** Jobs that Kafka still has as not committed, and that still wait, at the end. */
  readonly left: { readonly uncommitted: number; readonly waiting: number };
}

export interface Verdict {
  readonly ok: boolean;
  readonly run: string;
  readonly enqueued: number;
  readonly done: number;
  readonly retried: number;
  readonly failedAttempts: number;
  readonly buried: { readonly total: number; readonly byReason: Readonly<Record<string, number>>; readonly asPlanned: boolean };
  readonly elapsedMs: number;
  readonly jobsPerSecond: number;
  readonly order: { readonly ok: boolean; readonly airports: number; readonly repeated: number; readonly violations: readonly Violation[] };
  readonly statistics: { readonly ok: boolean; readonly airports: number; readonly differences: readonly Difference[] };
  readonly committed: { readonly ok: boolean; readonly uncommitted: number; readonly waiting: number };
  readonly earlier: { readonly jobs: number; readonly runs: number; readonly ok: boolean; readonly violations: readonly Violation[] };
}

/** Judges a run by its evidence. */
export function judge({ plan, tally, lines, earlier, deadLetters, elapsedMs, left }: RunEvidence): Verdict {
  const order = checkWitness(lines, plan.jobs);
  const differences = checkStatistics(lines, plan.delays);
  const reasons = new Map(deadLetters.filter(({ id }) => runOf(id) === plan.run).map(({ id, reason }) => [id, reason]));
  const asPlanned = reasons.size === plan.buried.size && [...plan.buried].every(([id, reason]) => reasons.get(id) === reason);
  const byReason: Record<string, number> = {};
  for (const reason of reasons.values()) byReason[reason] = (byReason[reason] ?? 0) + 1;
  const earlierViolations = [...earlier.values()].flatMap((ofRun) => checkWitness(ofRun).violations);
  const checks = {
    order: { ok: order.violations.length === 0, airports: order.airports, repeated: order.repeated, violations: order.violations },
    statistics: { ok: differences.length === 0, airports: plan.delays.size, differences },
    committed: { ok: left.uncommitted === 0 && left.waiting === 0, ...left },
    earlier: { jobs: tally.earlier, runs: earlier.size, ok: earlierViolations.length === 0, violations: earlierViolations },
  };
  return {
    ok: Object.values(checks).every(({ ok }) => ok) && asPlanned && tally.done === plan.done && tally.retried === plan.retried,
    run: plan.run,
    enqueued: tally.enqueued,
    done: tally.done,
    retried: tally.retried,
    failedAttempts: tally.failedAttempts,
    buried: { total: reasons.size, byReason, asPlanned },
    elapsedMs,
    jobsPerSecond: Math.round(tally.done / (elapsedMs / 1000)),
    ...checks,
  };
}

const SHOWN = 5;

/** The verdict for people. */
export function describeVerdict(verdict: Verdict, plan: RunPlan): string[] {
  const { order, statistics, buried, committed, earlier } = verdict;
  const planned = (found: number, wanted: number): string => (found === wanted ? 'as planned' : `PLANNED: ${count(wanted)}`);
  const reasons = Object.entries(buried.byReason).map(([reason, number]) => `${number} ${reason}`).join(', ');
  const lines = [
    '',
    `done        ${counted(verdict.done, 'job')} in ${seconds(verdict.elapsedMs)} s, ${count(verdict.jobsPerSecond)} jobs/s, ${planned(verdict.done, plan.done)}`,
    `retried     ${counted(verdict.retried, 'job')}, ${counted(verdict.failedAttempts, 'failed attempt')}, ${planned(verdict.retried, plan.retried)}`,
    `buried      ${counted(buried.total, 'job')} (${reasons || 'none'}), ${buried.asPlanned ? 'each for the planned reason' : `PLANNED: ${plan.buried.size}, not these or not for these reasons`}`,
    `order       ${order.ok ? `ok: ${counted(order.airports, 'airport')}, one job at a time, each retry before the jobs behind it` : counted(order.violations.length, 'VIOLATION')}`,
    ...order.violations.slice(0, SHOWN).map(({ rule, says }) => `            ${rule}: ${says}`),
    `statistics  ${statistics.ok ? `ok: ${counted(statistics.airports, 'airport')}, the same as computed from the data at once` : counted(statistics.differences.length, 'DIFFERENCE')}`,
    ...statistics.differences.slice(0, SHOWN).map(({ airport, found, expected }) => `            ${airport}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`),
    `committed   ${committed.ok ? 'ok: everything, and nothing waits' : `NOT YET: ${counted(committed.uncommitted, 'job')}; ${count(committed.waiting)} waiting`}`,
  ];
  if (order.repeated > 0) lines.push(`repeated    ${counted(order.repeated, 'attempt')}, after a change of owner`);
  if (earlier.jobs > 0) {
    lines.push(`earlier     ${counted(earlier.jobs, 'job')} of ${counted(earlier.runs, 'earlier run')} ended now, order ${earlier.ok ? 'ok' : counted(earlier.violations.length, 'VIOLATION')}`);
    lines.push(...earlier.violations.slice(0, SHOWN).map(({ rule, says }) => `            ${rule}: ${says}`));
  }
  return [...lines, ''];
}
