import { buries, readExecutions } from '../../guarantees/executions.ts';
import type { Cut, History } from '../../guarantees/history.ts';
import { boundedRepeats } from '../../guarantees/promises/boundedRepeats.ts';
import type { Incident } from '../journal.ts';
import type { Handed } from '../load/load.ts';
import type { Fleet } from '../worker/fleet.ts';
import type { LoggedJob } from './mainLog.ts';
import { findStalls, timePartitions } from './partitionTimes.ts';
import { calmPart, measureRecoveries, measureRescues, percentile, type Recovery } from './recovery.ts';

export interface FaultFigures {
  readonly name: string;
  readonly count: number;
  /** Of those that happened alone (ms). */
  readonly alone: number;
  readonly worstFirstMs: number | null;
  readonly worstAllMs: number | null;
  readonly worstFromBeginMs: number | null;
}

export interface RunFigures {
  readonly minutes: number;
  readonly faults: readonly FaultFigures[];
  readonly handed: number;
  readonly accepted: number;
  readonly unknown: number;
  readonly refused: number;
  readonly logged: number;
  readonly doubled: number;
  readonly attempts: number;
  readonly buried: number;
  readonly letters: number;
  readonly repeats: number;
  /** Of those, what no cut of its worker excuses, but that Kafka took nothing for longer than a hand-over waits. */
  readonly repeatsOfOutages: number;
  readonly kills: number;
  /** How long before a kill what was repeated had ended (ms); 0 for what was cut off. */
  readonly repeatAgeMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
  readonly rescueMs: { readonly jobs: number; readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
  /** Of kills with nothing else going on. */
  readonly rescueAloneMs: { readonly jobs: number; readonly p99: number | null };
  readonly recoveryMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
  /** Times in which a partition had work and did nothing, the longest ones; since the start of the run. */
  readonly stalls: readonly { readonly partition: number; readonly fromMs: number; readonly forMs: number; readonly calmMs: number; readonly during: readonly string[] }[];
  readonly jobsPerSecond: number;
  readonly drainMs: number;
  readonly expelled: number;
  readonly unexplainedExpulsions: number;
  readonly zombieLines: number;
  readonly notLive: number;
  readonly deaths: number;
  readonly cleanStops: number;
  readonly slowestStopMs: number | null;
  readonly looks: number;
}

export interface MeasureOptions {
  readonly history: History;
  readonly jobs: readonly LoggedJob[];
  readonly handed: ReadonlyMap<string, Handed>;
  readonly incidents: readonly Incident[];
  readonly fleet: Fleet;
  readonly startMs: number;
  readonly endMs: number;
  readonly drainedMs: number;
  readonly unexplained: readonly string[];
  readonly zombieLines: number;
  readonly doubled: number;
  readonly sights: number;
  readonly sessionTimeoutMs: number;
  readonly drainTimeoutMs: number;
}

/** On a machine that runs the whole cluster on two cores, in addition to what Kafka and millrace are configured to wait. */
const GRACE_MS = 10_000;
const RESCUE_GRACE_MS = 5000;
const STALLS_FROM_MS = 3000;
const MOST_STALLS = 8;
/** A fault that ended so long before a stall may be its cause. */
const LINGERS_MS = 10_000;
const CALM_BEFORE_KILL_MS = 30_000;

/** The figures of a run, and the promises about time that they break. */
export function measureRun(options: MeasureOptions): { readonly figures: RunFigures; readonly violations: string[] } {
  const { history, jobs, handed, incidents, fleet, startMs, endMs, drainedMs, sessionTimeoutMs, drainTimeoutMs } = options;
  const violations: string[] = [];
  const times = timePartitions(jobs, history);
  const recoveries = measureRecoveries(incidents, times);
  // A hand-over may wait for a drain after the session that it began with.
  const firstBoundMs = sessionTimeoutMs + GRACE_MS;
  const allBoundMs = sessionTimeoutMs + drainTimeoutMs + GRACE_MS;
  for (const { incident, isAlone, firstMs, allMs } of recoveries) {
    if (!isAlone) continue;
    if ((firstMs ?? 0) > firstBoundMs) violations.push(`live means progress: the first completion after ${incident.name} (${incident.what}) came ${Math.round(firstMs ?? 0)} ms after its heal`);
    if ((allMs ?? 0) > allBoundMs) violations.push(`live means progress: the last partition was back ${Math.round(allMs ?? 0)} ms after the heal of ${incident.name} (${incident.what})`);
  }
  const stalls = findStalls(times, STALLS_FROM_MS, drainedMs);
  for (const stall of stalls) {
    const calmMs = calmPart(stall, incidents);
    if (calmMs > allBoundMs) violations.push(`live means progress: partition ${stall.partition} had work and did nothing for ${Math.round((stall.toMs - stall.fromMs) / 1000)} s, ${Math.round(calmMs / 1000)} s of them with no fault in force, until ${((stall.toMs - startMs) / 1000).toFixed(1)} s`);
  }

  const rescueBoundMs = sessionTimeoutMs + RESCUE_GRACE_MS;
  const rescues = measureRescues(fleet.kills, history, incidents, rescueBoundMs);
  const alone = rescues.filter(({ isAlone }) => isAlone).flatMap(({ waitsMs }) => waitsMs);
  const aloneP99 = percentile(alone, 0.99);
  if (aloneP99 !== null && aloneP99 > rescueBoundMs) violations.push(`rescued in time: after a kill with nothing else going on, 1 % of the jobs that it cut off started again only after ${Math.round(aloneP99)} ms`);
  for (const { worker, how, errors, wasReady, atMs } of fleet.deaths) {
    const inFault = incidents.some(({ beginMs, healedMs }) => beginMs <= atMs && atMs <= healedMs + 60_000);
    if (wasReady || !inFault) violations.push(`no worker dies: ${worker} ended with ${how} ${((atMs - startMs) / 1000).toFixed(1)} s after the start${errors === '' ? '' : `: ${errors}`}`);
  }

  const executions = readExecutions(history.lines);
  const rescueAll = rescues.flatMap(({ waitsMs }) => waitsMs);
  const ages = repeatAges(history);
  const alonesMs = recoveries.filter(({ isAlone }) => isAlone).flatMap(({ allMs }) => (allMs === null ? [] : [allMs]));
  const states = Map.groupBy(handed.values(), ({ state }) => state);
  const buried = new Set(executions.filter((execution) => buries(execution, history.policy)).map(({ start }) => start.id));
  const figures: RunFigures = {
    minutes: (endMs - startMs) / 60_000,
    faults: figuresByFault(recoveries),
    handed: handed.size,
    accepted: states.get('accepted')?.length ?? 0,
    unknown: (states.get('unknown')?.length ?? 0) + (states.get('under way')?.length ?? 0),
    refused: states.get('refused')?.length ?? 0,
    logged: jobs.length,
    doubled: options.doubled,
    attempts: executions.length,
    buried: buried.size,
    letters: history.buried.length,
    repeats: ages.repeats,
    repeatsOfOutages: boundedRepeats.check({ ...history, cuts: history.cuts.filter(({ type }) => type !== 'outage') }).length,
    kills: fleet.kills.length,
    repeatAgeMs: { p50: percentile(ages.beforeKillMs, 0.5), p99: percentile(ages.beforeKillMs, 0.99), max: percentile(ages.beforeKillMs, 1) },
    rescueMs: { jobs: rescueAll.length, p50: percentile(rescueAll, 0.5), p99: percentile(rescueAll, 0.99), max: percentile(rescueAll, 1) },
    rescueAloneMs: { jobs: alone.length, p99: aloneP99 },
    recoveryMs: { p50: percentile(alonesMs, 0.5), p99: percentile(alonesMs, 0.99), max: percentile(alonesMs, 1) },
    stalls: stalls.slice(0, MOST_STALLS).map((stall) => ({
      partition: stall.partition, fromMs: stall.fromMs - startMs, forMs: stall.toMs - stall.fromMs, calmMs: calmPart(stall, incidents),
      during: incidents.filter(({ beginMs, healedMs }) => beginMs < stall.toMs && healedMs > stall.fromMs - LINGERS_MS).map(({ what }) => what),
    })),
    jobsPerSecond: jobs.length / ((drainedMs - startMs) / 1000),
    drainMs: drainedMs - endMs,
    expelled: fleet.heard.filter(({ said }) => said.type === 'lost').length,
    unexplainedExpulsions: options.unexplained.length,
    zombieLines: options.zombieLines,
    notLive: fleet.heard.filter(({ said }) => said.type === 'health' && !said.live).length,
    deaths: fleet.deaths.length,
    cleanStops: fleet.stops.length,
    slowestStopMs: percentile(fleet.stops.map(({ tookMs }) => tookMs), 1),
    looks: options.sights,
  };
  return { figures, violations };
}

function figuresByFault(recoveries: readonly Recovery[]): FaultFigures[] {
  return [...Map.groupBy(recoveries, ({ incident }) => incident.name)].map(([name, all]) => {
    const alone = all.filter(({ isAlone }) => isAlone);
    const worst = (of: (recovery: Recovery) => number | null): number | null => percentile(alone.flatMap((one) => of(one) ?? []), 1);
    return { name, count: all.length, alone: alone.length, worstFirstMs: worst(({ firstMs }) => firstMs), worstAllMs: worst(({ allMs }) => allMs), worstFromBeginMs: worst(({ fromBeginMs }) => fromBeginMs) };
  }).sort((a, b) => a.name.localeCompare(b.name));
}

/** How many executions repeated an earlier one; and of those that a kill brought about, how long before it that had ended. */
function repeatAges({ lines, cuts, flushWindowMs }: History): { readonly repeats: number; readonly beforeKillMs: number[] } {
  const last = new Map<string, { readonly endMs: number | null; readonly worker: string }>();
  // Of workers to which nothing else had happened of late, when Kafka took what was flushed.
  const isCalm = ({ worker, atMs, sinceMs = atMs }: Cut): boolean => sinceMs >= atMs - flushWindowMs
    && cuts.every((other) => other.worker !== worker || other.type === 'killed' || other.type === 'outage' || other.atMs < atMs - CALM_BEFORE_KILL_MS);
  const killedMs = new Map(cuts.filter((cut) => cut.type === 'killed' && isCalm(cut)).map(({ worker, atMs }) => [worker, atMs]));
  const beforeKillMs: number[] = [];
  let repeats = 0;
  for (const { start: { id, round, attempt, worker, atMs: startMs }, endMs, outcome } of readExecutions(lines)) {
    const before = last.get(`${id}/${round}/${attempt}`);
    last.set(`${id}/${round}/${attempt}`, { endMs, worker });
    if (before === undefined) continue;
    if (outcome !== 'aborted') repeats++;
    const atMs = killedMs.get(before.worker);
    if (atMs !== undefined && startMs > atMs) beforeKillMs.push(before.endMs === null ? 0 : Math.max(0, atMs - before.endMs));
  }
  return { repeats, beforeKillMs };
}
