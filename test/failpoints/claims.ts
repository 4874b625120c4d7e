import { join } from 'node:path';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';
import { createFileClaims } from '../../shared/claims/fileClaims.ts';
import type { LargePayloadOptions } from '../../shared/claims/largePayloads.ts';
import { hashInName, sha256Of } from '../../shared/claims/objectName.ts';
import { scanTopic } from '../../shared/kafka/scanTopic.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { stepPayload } from '../guarantees/process/stepJob.ts';
import type { Tour } from './leg.ts';

const OVER_BYTES = 300;
const PADDING = 'x'.repeat(2 * OVER_BYTES);
const NEVER_BYTES = 2 ** 30;

/** Where the large payloads of a tour go; what is large is small enough to be quick. */
export function largePayloadsIn(folder: string): LargePayloadOptions {
  return { folder: join(folder, 'claims'), overBytes: OVER_BYTES };
}

/** Tells a victim of them. */
export function claimsEnv({ folder }: Tour): Readonly<Record<string, string>> {
  return { FAILPOINT_FOLDER: folder };
}

/** Every other job of an entity has a payload that does not travel by Kafka. */
export function mixedPayload(entity: string, sequence: number): JobV1 {
  return { ...stepPayload(entity, sequence), ...(isLarge(sequence) ? { email: PADDING } : {}) };
}

export function isLarge(sequence: number): boolean {
  return sequence % 2 === 0;
}

/** The objects that a record refers to. */
export function objectsIn(queue: string, value: Buffer | null): string[] {
  return value?.toString('latin1').match(new RegExp(`${queue.replaceAll('.', '\\.')}/\\d{4}-\\d{2}-\\d{2}/[0-9a-f]{64}`, 'g')) ?? [];
}

/** Whatever a record of the queue's topics refers to is there, whole. */
export async function judgeClaims({ scene: { broker, admin, workload: { queue } }, folder, violations }: Tour): Promise<void> {
  const store = createFileClaims({ folder: largePayloadsIn(folder).folder ?? '' });
  const found = new Map<string, string>();
  const { main, retry, dlq, events } = queueTopicNames(queue);
  for (const topic of [main, retry, dlq, events]) {
    await scanTopic({
      broker, admin, topic,
      visit(partition, { offset, value }) { for (const object of objectsIn(queue, value)) found.set(object, `${topic}/${partition}/${offset}`); },
    });
  }
  if (found.size === 0) violations.push('claims: no record refers to an object; the stage shows nothing');
  for (const [object, at] of found) {
    const bytes = await store.get(object, NEVER_BYTES);
    if (bytes === null) violations.push(`claims: ${at} refers to ${object}, which is not there`);
    else if (!sha256Of(bytes).equals(hashInName(object))) violations.push(`claims: ${at} refers to ${object}, which is another`);
  }
}
