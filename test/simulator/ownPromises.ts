import { buries, named, readExecutions, type Execution } from '../guarantees/executions.ts';
import type { History } from '../guarantees/history.ts';
import type { Entry, Release } from './ledger.ts';
import { START_MS } from './time.ts';
import type { World } from './world.ts';

/** A lane that a buried job holds stays closed until the job is discarded, or redriven and done: it runs before all that stands behind it. */
export function findClosedLaneStarts(history: History, releases: readonly Release[], scheduled: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const closers = new Map<string, { readonly id: string; readonly sequence: number; readonly endAt: number; readonly fence: number }[]>();
  for (const execution of readExecutions(history.lines)) {
    const { entity, sequence, id, fence, round } = execution.start;
    // What was called back runs before what has not started; what is scheduled takes its place when it is due.
    if (round === 0) for (const closer of closers.get(entity) ?? []) {
      if (closer.sequence >= sequence || fence < closer.fence || execution.startAt < closer.endAt || scheduled.has(id)) continue;
      if (!releases.some(({ place, command }) => place === closer.id && command === 'discard')) found.push(`${named(execution)} started behind ${closer.id}, which is buried and holds the lane`);
    }
    // A repeat may end otherwise: a batch has other members, and another one's time limit.
    if (execution.outcome === 'done') closers.set(entity, (closers.get(entity) ?? []).filter((closer) => closer.id !== id));
    if (execution.endAt !== null && buries(execution, history.policy) && !scheduled.has(id)) closers.set(entity, [...(closers.get(entity) ?? []), { id, sequence, endAt: execution.endAt, fence }]);
  }
  return found;
}

/** A scheduled job does not start before its time. */
export function findEarlyStarts(history: History, entries: readonly Entry[]): string[] {
  const dueMs = new Map(entries.filter(({ job, rounds }) => job.delayMs > 0 && rounds === 0).map(({ place, dueMs: due }) => [place, due]));
  return history.lines
    .filter(({ type, id, atMs }) => type === 'start' && atMs < (dueMs.get(id) ?? 0) - 1)
    .map(({ id, atMs }) => `${id} started ${Math.round((dueMs.get(id) ?? 0) - atMs)} ms before its time`);
}

/** Jobs of one kind reach their entity in the order in which they were enqueued; a doubled one counts where it first landed. */
export function findUnorderedEnqueues(entries: readonly Entry[]): string[] {
  const found: string[] = [];
  const last = new Map<string, Entry>();
  for (const entry of entries) {
    const { job, kind, entity, partition } = entry;
    if (job.entity === null || job.newerSchema) continue;
    const lane = `${kind.kind} ${entity} ${partition}`;
    const before = last.get(lane);
    if (before !== undefined && before.job.atMs > job.atMs && !entry.isAgain) found.push(`job ${job.serial} at ${entry.place} landed after job ${before.job.serial}, which was enqueued later`);
    if (!entry.isAgain) last.set(lane, entry);
  }
  return found;
}

/** What can never run is in the DLQ; but for what a kill may lose: an at-most-once record that was begun. */
export function findLostPoison({ ledger, cuts }: World): string[] {
  const buried = new Set(ledger.letters.map(({ place }) => place));
  return [...ledger.poison]
    .filter(([place, delivery]) => !buried.has(place) && (delivery === 'at-least-once' || cuts.length === 0))
    .map(([place]) => `${place} can never run, and is not in the DLQ`);
}

/** A kill loses, of all at-most-once jobs, those that ran and as many that were claimed to run next. */
export function findLossBeyondSlots({ plan }: World, { accepted, lines, buried, cuts }: History): string[] {
  const known = new Set([...buried.map(({ id }) => id), ...lines.filter(({ type }) => type === 'end').map(({ id }) => id)]);
  const lost = accepted.filter(({ id }) => !known.has(id)).length;
  const most = cuts.length * 2 * plan.settings.concurrency;
  return lost > most ? [`${lost} jobs were lost in ${cuts.length} kills, with ${plan.settings.concurrency} slots`] : [];
}

/** How long after it woke, or was expelled, a worker may take until it knows, beside the way of its heartbeat. */
const NEWS_TAKES_MS = 400;

/** A worker starts and ends nothing more once it can know that others own its partitions. */
export function findZombieStarts(world: World, places: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const highest = new Map<string, number>();
  for (const { type, id, entity, fence, worker, atMs, attempt } of world.witness.lines) {
    if (!places.has(id)) continue;
    const seen = highest.get(entity) ?? 0;
    highest.set(entity, Math.max(seen, fence));
    if (type === 'end' || fence >= seen) continue;
    const newsMs = NEWS_TAKES_MS + 20 * world.plan.settings.latencyMs + world.plan.settings.sessionTimeoutMs / 3;
    if (!world.awakenings.some((one) => one.worker === worker && one.atMs <= atMs && atMs <= one.atMs + newsMs)) found.push(`${id} (attempt ${attempt}) was ${type === 'start' ? 'started' : 'finished'} by ${worker} with fence ${fence}, and the entity had seen ${seen}`);
  }
  return found;
}

/** Half a second on a machine that has nothing else to do. */
const LATE_MS = 500;

/** Where one worker has slots enough and nothing happens to it, a retry is not late either. */
export function findLateRetries({ plan }: World, history: History, entries: readonly Entry[]): string[] {
  const { concurrency } = plan.settings;
  if (plan.faults.length > 0 || plan.workers.length > 1 || concurrency < 20 || plan.kinds.some(({ batch, delivery }) => batch !== null || delivery === 'at-most-once') || history.policy.order !== 'strict') return [];
  const ordinary = new Set(entries.filter(({ rounds, job }) => rounds === 0 && job.delayMs === 0).map(({ place }) => place));
  const found: string[] = [];
  const last = new Map<string, Execution>();
  for (const execution of readExecutions(history.lines)) {
    const before = last.get(execution.start.id);
    last.set(execution.start.id, execution);
    // A hand-over takes its time.
    if (before === undefined || before.endMs === null || before.outcome !== 'retry' || before.start.fence !== execution.start.fence || !ordinary.has(execution.start.id)) continue;
    const { firstMs, factor, maxMs } = history.policy.backoff;
    const waitMs = before.askedMs ?? Math.min(maxMs, firstMs * factor ** (before.start.attempt - 1));
    const lateMs = execution.start.atMs - before.endMs - waitMs;
    if (lateMs > LATE_MS) found.push(`${named(execution)} started ${Math.round(lateMs)} ms late`);
  }
  return found;
}

/** After the death of a worker somebody who lives opens its partitions within the session and five seconds, if nothing else is going on. */
export function findLateRescues({ plan, cuts, story, workers, sufferings }: World): string[] {
  const { sessionTimeoutMs, drainTimeoutMs, troubleMs } = plan.settings;
  const boundMs = sessionTimeoutMs + 5000;
  const found: string[] = [];
  for (const { type, worker, atMs } of cuts) {
    const killedMs = atMs - START_MS;
    const isQuiet = (fault: { readonly atMs: number; readonly forMs: number }): boolean => fault.atMs + fault.forMs < killedMs - 2 * sessionTimeoutMs - drainTimeoutMs || fault.atMs > killedMs + boundMs || fault.atMs === killedMs;
    if (type !== 'killed' || sufferings.length > 0 || !plan.faults.every(isQuiet) || killedMs > troubleMs - boundMs) continue;
    const lines = story.lines.filter((line) => line.atMs <= killedMs);
    const owned = new Set(lines.filter((line) => line.type === 'active' && lines.findLast((one) => one.type === 'active' && one.place === line.place)?.worker === worker && line.worker === worker).map(({ place }) => place));
    const heirs = new Set(workers.filter(({ id, state }) => id !== worker && state === 'running' && story.lines.some((line) => line.type === 'phase' && line.worker === id && line.atMs < killedMs - 3000)).map(({ id }) => id));
    if (heirs.size === 0) continue;
    for (const place of owned) {
      const opened = story.lines.find((line) => line.type === 'active' && line.place === place && line.atMs > killedMs);
      if (opened === undefined || opened.atMs > killedMs + boundMs) found.push(`${place} was ${worker}'s, which was killed at ${killedMs}; it was opened ${opened === undefined ? 'never' : `${Math.round(opened.atMs - killedMs)} ms later`}`);
    }
  }
  return found;
}

/** What was settled before an owner's lease is in the log, or in the commit that it began with: it starts nothing of that. */
export function findForgottenSettlements({ ledger, witness }: World, places: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const { type, id, fence, attempt, worker } of witness.lines) {
    if (type !== 'start' || !places.has(id) || ledger.commanded.has(id)) continue;
    const settledAt = ledger.settledAt.get(id);
    const leasedAt = ledger.leasedAt.get(`${id.slice(0, id.lastIndexOf('/'))} ${fence}`);
    if (settledAt !== undefined && leasedAt !== undefined && settledAt < leasedAt) found.push(`${id} (attempt ${attempt} on ${worker}, fence ${fence}) had been settled before that owner began`);
  }
  return found;
}
