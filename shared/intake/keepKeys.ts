import type { JobPolicy } from '../jobs/policy.ts';

/** The longest time over which a policy may try a job again, from the first attempt's end, ms; attempts themselves take no time here but for their limit. */
export function longestRetryMs({ attempts, backoff, timeoutMs }: Pick<JobPolicy, 'attempts' | 'backoff' | 'timeoutMs'>): number {
  let sum = attempts * (timeoutMs ?? 0);
  let wait = backoff.firstMs;
  for (let made = 1; made < attempts; made += 1) {
    if (wait >= backoff.maxMs || backoff.factor === 1) return sum + (attempts - made) * Math.min(wait, backoff.maxMs);
    sum += wait;
    wait *= backoff.factor;
  }
  return sum;
}

/** How long keys are kept at least: the longest retry among the kinds, and as long as a queue keeps a job that nobody has read. */
export function keepKeysMs(policies: readonly Pick<JobPolicy, 'attempts' | 'backoff' | 'timeoutMs'>[], retentionMs: number): number {
  return Math.max(0, ...policies.map(longestRetryMs)) + retentionMs;
}
