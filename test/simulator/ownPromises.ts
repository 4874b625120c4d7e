import { readExecutions, buries, named } from '../guarantees/executions.ts';
import type { History } from '../guarantees/history.ts';
import type { Entry, Release } from './ledger.ts';
import type { World } from './world.ts';

/** A lane that a buried job holds stays closed until the job is redriven or discarded. */
export function findClosedLaneStarts(history: History, releases: readonly Release[], scheduled: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const closers = new Map<string, { readonly id: string; readonly sequence: number; readonly endAt: number; readonly fence: number }[]>();
  for (const execution of readExecutions(history.lines)) {
    const { entity, sequence, id, fence } = execution.start;
    for (const closer of closers.get(entity) ?? []) {
      if (closer.sequence >= sequence || fence < closer.fence || execution.startAt < closer.endAt || scheduled.has(id)) continue;
      if (!releases.some(({ place }) => place === closer.id)) found.push(`${named(execution)} started behind ${closer.id}, which is buried and holds the lane`);
    }
    // A repeat may end otherwise: a batch has other members, and another one's time limit.
    if (execution.outcome === 'done') closers.set(entity, (closers.get(entity) ?? []).filter((closer) => closer.id !== id));
    if (execution.endAt !== null && buries(execution, history.policy)) closers.set(entity, [...(closers.get(entity) ?? []), { id, sequence, endAt: execution.endAt, fence }]);
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

/** How long after it woke, or was expelled, a worker may take until it knows. */
const NEWS_TAKES_MS = 400;

/** A worker starts nothing more once it can know that others own its partitions. */
export function findZombieStarts(world: World, places: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const highest = new Map<string, number>();
  for (const { type, id, entity, fence, worker, atMs, attempt } of world.witness.lines) {
    if (!places.has(id)) continue;
    const seen = highest.get(entity) ?? 0;
    highest.set(entity, Math.max(seen, fence));
    if (type !== 'start' || fence >= seen) continue;
    const newsMs = NEWS_TAKES_MS + 20 * world.plan.settings.latencyMs;
    if (!world.awakenings.some((one) => one.worker === worker && one.atMs <= atMs && atMs <= one.atMs + newsMs)) found.push(`${id} (attempt ${attempt}) was started by ${worker} with fence ${fence}, and the entity had seen ${seen}`);
  }
  return found;
}
