import { plainWorkload, type Workload } from '../guarantees/process/workload.ts';

/** What a chaos run's jobs are like, but for their queue: a mixture of quick, slow, failing and poisoned ones. */
export const chaosWorkload: Omit<Workload, 'queue'> = {
  ...plainWorkload,
  kind: 'chaos.step',
  attempts: 5,
  backoff: { firstMs: 200, factor: 2, maxMs: 1600 },
  workMs: [2, 40],
  slow: { share: 0.004, ms: [500, 5000] },
  failing: { share: 0.1, upTo: 3 },
  poisonShare: 0.004,
};

/** Entities whose jobs are handled in batches begin with it. */
const BATCH_PREFIX = 'batch-';

export function isBatchEntity(entity: string): boolean {
  return entity.startsWith(BATCH_PREFIX);
}

/** Names of entities: one in six has its jobs handled in batches. */
export function nameChaosEntities(count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index % 6 === 5 ? `${BATCH_PREFIX}${index}` : `entity-${index}`));
}

/** The kinds of a chaos run: one job at a time, and batches. */
export function chaosKinds(workload: Workload): [single: Workload, batch: Workload] {
  return [workload, { ...workload, kind: `${workload.kind}-batch`, batch: { maxSize: 10, maxWaitMs: 50, leftOutShare: 0.02 }, slow: null }];
}
