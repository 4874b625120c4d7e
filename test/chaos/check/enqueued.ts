import type { Handed } from '../load/load.ts';
import type { LoggedJob } from './mainLog.ts';

/** Holds the producer to its word: what it acked is in the log where it said, what it refused is not, and each entity's jobs are in their order. */
export function checkEnqueued(handed: ReadonlyMap<string, Handed>, jobs: readonly LoggedJob[]): string[] {
  const violations: string[] = [];
  const byId = Map.groupBy(jobs, ({ id }) => id);
  for (const [id, fate] of handed) {
    const records = byId.get(id) ?? [];
    if (fate.state === 'accepted' && !records.some(({ partition, offset }) => partition === fate.partition && offset === fate.offset)) violations.push(`nothing lost: ${id} was acked at ${fate.partition}/${fate.offset}, and is not there`);
    if (fate.state === 'refused' && records.length > 0) violations.push(`refused is not enqueued: ${id} was refused (${fate.code}), and is in the log`);
  }
  for (const { id } of jobs) if (!handed.has(id)) violations.push(`no phantom: ${id} is in the log, and nobody enqueued it`);
  const last = new Map<string, { readonly id: string; readonly sequence: number }>();
  const seen = new Set<string>();
  for (const { id, entity, partition } of jobs) {
    // What was given up by the client may still arrive.
    if (seen.has(`${partition} ${id}`) || handed.get(id)?.state !== 'accepted') continue;
    seen.add(`${partition} ${id}`);
    const sequence = Number(id.slice(id.lastIndexOf('#') + 1));
    const before = last.get(`${entity}@${partition}`);
    if (before !== undefined && before.sequence > sequence) violations.push(`enqueue order: ${id} landed after ${before.id}`);
    last.set(`${entity}@${partition}`, { id, sequence });
  }
  return violations;
}
