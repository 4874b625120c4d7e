import { createHash } from 'node:crypto';

/** Jobs whose fate is decided by a hash of entity and sequence: the same for every worker, attempt and run. */
export interface Workload {
  readonly queue: string;
  readonly kind: string;
  readonly order: 'strict' | 'relaxed' | 'none';
  readonly whenBuried: 'continue' | 'hold';
  readonly delivery: 'at-least-once' | 'at-most-once';
  readonly attempts: number;
  readonly backoff: { readonly firstMs: number; readonly factor: number; readonly maxMs: number };
  /** How long an attempt takes, from and to. */
  readonly workMs: readonly [number, number];
  /** This share of the jobs fails, one to `upTo` times. */
  readonly failing: { readonly share: number; readonly upTo: number };
  /** This share is buried until its cause is mended: half of it says `dead`, half fails for as long as it may. */
  readonly poisonShare: number;
  readonly batch: { readonly maxSize: number; readonly maxWaitMs: number; /** This share of a run's jobs gets no outcome on its first attempt. */ readonly leftOutShare: number } | null;
  /** The job with this sequence fails once and asks for this wait. */
  readonly slowRetry: { readonly sequence: number; readonly afterMs: number } | null;
  /** One job whose attempts take longer than all others, until that is mended. */
  readonly long: { readonly entity: string; readonly sequence: number; readonly ms: number } | null;
  /** This share of the jobs takes so long, from and to. */
  readonly slow: { readonly share: number; readonly ms: readonly [number, number] } | null;
}

export const plainWorkload: Omit<Workload, 'queue'> = {
  kind: 'guarantee.step',
  order: 'strict',
  whenBuried: 'continue',
  delivery: 'at-least-once',
  attempts: 6,
  backoff: { firstMs: 40, factor: 2, maxMs: 160 },
  workMs: [5, 25],
  failing: { share: 0, upTo: 3 },
  poisonShare: 0,
  batch: null,
  slowRetry: null,
  long: null,
  slow: null,
};

export type Fate = 'done' | 'retry' | 'retry-slowly' | 'throw' | 'dead' | 'left-out';

/** What an attempt of a job comes to; `mended`: the cause of what was buried is gone. */
export function fateOf(workload: Workload, entity: string, sequence: number, attempt: number, mended: boolean): Fate {
  const chance = (salt: string): number => shareOf(`${entity}#${sequence}/${salt}`);
  if (workload.batch !== null && attempt === 1 && chance('left out') < workload.batch.leftOutShare) return 'left-out';
  if (workload.slowRetry?.sequence === sequence && attempt === 1) return 'retry-slowly';
  const fails = chance('fails') < workload.failing.share ? 1 + Math.floor(chance('how often') * workload.failing.upTo) : 0;
  if (attempt <= fails) return chance('how') < 0.5 ? 'retry' : 'throw';
  if (!isPoison(workload, entity, sequence) || mended) return 'done';
  return chance('poison') < 0.5 ? 'dead' : 'throw';
}

export function isPoison(workload: Workload, entity: string, sequence: number): boolean {
  return shareOf(`${entity}#${sequence}/poisoned`) < workload.poisonShare;
}

export function workMsOf({ workMs, long, slow }: Workload, entity: string, sequence: number, isMended: () => boolean): number {
  if (long?.entity === entity && long.sequence === sequence && !isMended()) return long.ms;
  const [from, to] = slow !== null && shareOf(`${entity}#${sequence}/slow`) < slow.share ? slow.ms : workMs;
  return from + (to - from) * shareOf(`${entity}#${sequence}/work`);
}

/** In [0, 1), evenly. */
function shareOf(text: string): number {
  return createHash('sha1').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
