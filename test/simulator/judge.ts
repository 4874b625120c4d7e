import type { AcceptedJob, BuriedCopy, CommitSight, Cut, History, WitnessLine } from '../guarantees/history.ts';
import { atMostOnce } from '../guarantees/promises/atMostOnce.ts';
import { boundedLoss } from '../guarantees/promises/boundedLoss.ts';
import { boundedRepeats } from '../guarantees/promises/boundedRepeats.ts';
import { commitsBehindSettled } from '../guarantees/promises/commitsBehindSettled.ts';
import { deadLetterFidelity } from '../guarantees/promises/deadLetterFidelity.ts';
import { seenByFencedSink } from '../guarantees/executions.ts';
import { givingUp } from '../guarantees/promises/everyPromise.ts';
import type { Guarantee, Terms } from '../guarantees/promises/guarantee.ts';
import { keyOrder } from '../guarantees/promises/keyOrder.ts';
import { noOverlap } from '../guarantees/promises/noOverlap.ts';
import { nothingLost } from '../guarantees/promises/nothingLost.ts';
import { findClosedLaneStarts, findEarlyStarts, findForgottenSettlements, findLateRescues, findLateRetries, findLostPoison, findLossBeyondSlots, findUnorderedEnqueues, findZombieStarts } from './ownPromises.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { KindPlan } from './plan.ts';
import type { Suffering, World } from './world.ts';

export interface Violation {
  /** Name of the anomaly. */
  readonly anomaly: string;
  readonly detail: string;
}

/** Holds a finished run to its promises, group of kinds by group of kinds. */
export function judge(world: World): Violation[] {
  const violations: Violation[] = [...world.breaches, ...world.ledger.breaches].map((breach) => {
    const [anomaly = '', ...rest] = breach.split(': ');
    return { anomaly, detail: rest.join(': ') };
  });
  const flag = (anomaly: string, details: readonly string[]): void => { for (const detail of details.slice(0, 3)) violations.push({ anomaly, detail }); };
  // A breach ends the run before all is settled: what is not done then is not lost.
  const stuck = violations.length > 0;
  const cuts = collectCuts(world);
  for (const group of new Set(world.plan.kinds.map(({ group: name }) => name))) {
    const kinds = world.plan.kinds.filter((kind) => kind.group === group);
    const rules = kinds[0] as KindPlan;
    const entries = [...world.ledger.entries.values()].filter(({ kind }) => kind.group === group);
    const history = historyOf(world, rules, entries, cuts);
    const places = new Set(entries.filter((entry) => !isDoubled(world.ledger, entry)).map(({ place }) => place));
    for (const { name, check } of termsOf(rules).held) {
      if (stuck && (name === nothingLost.name || name === boundedLoss.name)) continue;
      flag(name, check(viewOf(name, history, entries, world)));
    }
    if (rules.whenBuried === 'hold') flag('held lane stays closed', findClosedLaneStarts(history, world.ledger.releases, new Set(entries.filter(({ job }) => job.delayMs > 0).map(({ place }) => place))));
    flag('settled stays settled', findForgottenSettlements(world, places));
    flag('zombie starts nothing', findZombieStarts(world, places));
    flag('no early start', findEarlyStarts(history, entries));
    if (!stuck && rules.delivery === 'at-most-once') flag(boundedLoss.name, findLossBeyondSlots(world, viewOf(boundedLoss.name, history, entries, world)));
    flag('no late retry', findLateRetries(world, history, entries));
    flag('enqueue order', findUnorderedEnqueues(entries));
  }
  flag('rescued in time', findLateRescues(world));
  if (!stuck) flag('poison is buried', findLostPoison(world));
  return violations;
}

function termsOf({ order, delivery }: KindPlan): Terms {
  const givenUp: { promise: Guarantee; because: string }[] = [];
  const instead: Guarantee[] = [];
  if (order !== 'strict') givenUp.push({ promise: keyOrder, because: `the order is ${order}` });
  if (order === 'none') givenUp.push({ promise: noOverlap, because: 'jobs of one entity may run side by side' });
  if (delivery === 'at-most-once') {
    givenUp.push(
      { promise: nothingLost, because: 'what was begun at a kill is lost; that is the bargain' },
      { promise: commitsBehindSettled, because: 'the offset is committed before the attempt' },
      { promise: keyOrder, because: 'a lost job never finishes, and its successors run' },
      { promise: deadLetterFidelity, because: 'what is cut off is buried, for it must not run again' },
      { promise: boundedRepeats, because: 'nothing at all repeats' },
    );
    // Without an order an entity may be at several jobs at once; the slots bound them then, as for all.
    if (order !== 'none') instead.push(boundedLoss);
    if (order === 'strict') instead.push(atMostOnce);
  }
  return givingUp(givenUp, instead);
}

/** The part of the run that a group of kinds sees. */
function historyOf(world: World, rules: KindPlan, entries: readonly Entry[], cuts: readonly Cut[]): History {
  const { order, whenBuried, attempts, backoff } = rules;
  const places = new Map(entries.map((entry) => [entry.place, entry]));
  const mine = select(world.witness.lines, world.ledger.sightsOf(rules.queue), ({ id }) => places.has(id));
  // A frozen or expelled worker may still do what it had begun; sinks that keep the highest fence refuse that.
  const fenced = new Set(seenByFencedSink(mine.lines));
  const { lines, commits } = select(mine.lines, mine.commits, (line) => fenced.has(line));
  return {
    policy: { order, whenBuried, attempts, backoff: { ...backoff, maxMs: Math.max(backoff.firstMs, backoff.maxMs) } },
    accepted: entries.map(({ place, entity, partition, offset }): AcceptedJob => ({ id: place, entity, sequence: offset, partition, offset })),
    lines,
    cuts,
    buried: world.ledger.letters.filter(({ place }) => places.has(place ?? '')).map(({ copy }): BuriedCopy => copy),
    commits,
    flushWindowMs: flushWindowMs(world),
  };
}

function flushWindowMs({ plan: { settings } }: World): number {
  return 3 * settings.flushIntervalMs + 60 * settings.latencyMs + 200;
}

/** Handlers of batches cannot tell two records of one job apart. */
function isDoubled({ bySerial }: Ledger, { job, kind }: Entry): boolean {
  return kind.batch !== null && (bySerial.get(job.serial)?.length ?? 0) > 1;
}

/** What a promise is asked about: some say nothing of jobs that an operator or a producer treated specially. */
function viewOf(promise: string, history: History, entries: readonly Entry[], { ledger }: World): History {
  const except = (concerns: (entry: Entry) => boolean): History => without(history, new Set(entries.filter(concerns).map(({ place }) => place)));
  switch (promise) {
    case keyOrder.name:
      return except((entry) => isDoubled(ledger, entry) || entry.job.delayMs > 0 || entry.rounds > 0 || entry.discarded);
    case nothingLost.name:
      return except((entry) => entry.discarded || isDoubled(ledger, entry));
    case boundedLoss.name:
      return except((entry) => entry.discarded);
    case commitsBehindSettled.name:
      return except((entry) => isDoubled(ledger, entry));
    case atMostOnce.name:
      return except((entry) => entry.rounds > 0 || entry.job.delayMs > 0);
    default:
      return except((entry) => isDoubled(ledger, entry));
  }
}

function without(history: History, places: ReadonlySet<string>): History {
  if (places.size === 0) return history;
  const keep = ({ id }: { readonly id: string }): boolean => !places.has(id);
  const { lines, commits } = select(history.lines, history.commits, keep);
  return { ...history, accepted: history.accepted.filter(keep), lines, commits, buried: history.buried.filter(keep) };
}

/** Some of the lines, and the sights with their counts of lines put right. */
function select(all: readonly WitnessLine[], sights: readonly CommitSight[], keep: (line: WitnessLine) => boolean): { readonly lines: WitnessLine[]; readonly commits: CommitSight[] } {
  const lines: WitnessLine[] = [];
  const kept = [0];
  for (const line of all) {
    if (keep(line)) lines.push(line);
    kept.push(lines.length);
  }
  return { lines, commits: sights.map((sight) => ({ ...sight, lines: kept[sight.lines] ?? lines.length })) };
}

/** The cuts of the plan, and what the brokers did to everybody. */
function collectCuts(world: World): Cut[] {
  const { drainTimeoutMs, abortGraceMs } = world.plan.settings;
  const window = flushWindowMs(world);
  const reaches = mergeSufferings(world.sufferings);
  const cuts = world.cuts.map((cut) => {
    const reach = reaches.find(({ fromMs, toMs }) => fromMs <= cut.atMs && cut.atMs <= toMs + window);
    return reach === undefined ? cut : { ...cut, sinceMs: Math.min(cut.sinceMs ?? Infinity, reach.fromMs - window) };
  });
  for (const { fromMs, toMs } of mergeSufferings(world.sufferings.filter(({ isBrief }) => !isBrief))) {
    // Shorter than a drain may take, it must cost nothing.
    if (toMs - fromMs <= drainTimeoutMs + abortGraceMs + 500) continue;
    for (const { id } of world.workers) cuts.push({ type: 'outage', worker: id, atMs: fromMs, sinceMs: fromMs - window, untilMs: toMs });
  }
  return cuts;
}

/** A refused write is tried again after a wait as long as the outage, up to five seconds; outages that such waits join are one. */
function mergeSufferings(sufferings: readonly Suffering[]): { fromMs: number; toMs: number }[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of [...sufferings].sort((a, b) => a.fromMs - b.fromMs)) {
    const reachMs = toMs + Math.min(5000, Math.max(400, 2 * (toMs - fromMs))) + 500;
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, reachMs);
    else merged.push({ fromMs, toMs: reachMs });
  }
  return merged;
}
