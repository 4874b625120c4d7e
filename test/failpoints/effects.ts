import { createHash } from 'node:crypto';

/** Steps of a job that have an effect: `ctx.transaction`, and one of `ctx.once`. */
export const EFFECT_STEPS = ['whole', 'part'] as const;

const LOCKS = 5;

/** The lock that an entity's jobs run under, together with other entities' of its leg. */
export function lockOf(entity: string): string {
  const leg = entity.split('-')[0] ?? '';
  return `${leg} ${(createHash('sha1').update(entity).digest()[0] ?? 0) % LOCKS}`;
}
