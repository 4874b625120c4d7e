import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AcceptedJob } from '../../guarantees/history.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import { claimsEnv, largePayloadsIn, objectsIn } from '../claims.ts';
import type { Leg } from '../leg.ts';
import { readMainLog } from './readLog.ts';

export interface ProducerPlay {
  readonly trouble?: Partial<Arming>;
  /** Every other payload goes to the tour's folder. */
  readonly claims?: boolean;
}

/**
 * A producer on a new queue: it makes the topics, enqueues, and dies where it is to. One that is armed with nothing comes after it. What either has a
 * receipt of must be in Kafka, as the beginning of its entity's jobs; and whatever is there must be run.
 */
export async function playProducer(leg: Leg, armed: readonly Armed[], jobs: number, { trouble = {}, claims = false }: ProducerPlay = {}): Promise<void> {
  const { scene, tour } = leg;
  const receiptFile = join(tour.folder, `${leg.name}.receipts`);
  for (const [index, one] of [...armed, null].entries()) {
    const entities = leg.entities.map((entity) => `${entity}-p${index}`);
    const victim = leg.spawn({ main: 'test/failpoints/victims/producer.main.ts', arguments: [String(jobs), ...entities], ...(claims ? { env: claimsEnv(tour) } : {}) }, one, trouble, { witnessFile: receiptFile });
    await leg.untilGone(victim);
  }
  const log = (await readMainLog(scene, claims ? (value) => {
    const [object] = objectsIn(scene.workload.queue, value);
    const file = join(largePayloadsIn(tour.folder).folder ?? '', object ?? '');
    if (object === undefined) return value;
    return existsSync(file) ? readFileSync(file) : null;
  } : undefined)).filter(({ entity }) => leg.owns(entity));
  scene.accepted.push(...log);
  tour.violations.push(...judgeReceipts(readReceipts(receiptFile), log).map((violation) => `receipts: ${violation}`));
  tour.survivor ??= await tour.startSurvivor('survivor');
  await leg.untilSettled();
}

function readReceipts(file: string): AcceptedJob[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as AcceptedJob);
}

/** Whatever was acked is in the log; and each entity's jobs are there in order, none missing before another. */
export function judgeReceipts(receipts: readonly AcceptedJob[], log: readonly AcceptedJob[]): string[] {
  const violations: string[] = [];
  const at = new Map(log.map((job) => [`${job.partition}/${job.offset}`, job]));
  for (const { id, entity, sequence, partition, offset } of receipts) {
    if (at.get(`${partition}/${offset}`)?.id !== id) violations.push(`${entity}#${sequence} was acked at ${partition}/${offset} and is not there`);
  }
  for (const [entity, jobs] of Map.groupBy(log, (job) => job.entity)) {
    const sequences = jobs.sort((a, b) => a.offset - b.offset).map(({ sequence }) => sequence);
    if (sequences.some((sequence, index) => sequence !== index + 1)) violations.push(`${entity}'s jobs are there as ${sequences.join(', ')}`);
  }
  return violations;
}
