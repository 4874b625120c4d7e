import type { EngineLimits } from '../../../../shared/engine/engineOptions.ts';
import type { JobPolicy } from '../../../../shared/jobs/policy.ts';
import type { Chance } from './random.ts';

/** What one seed's world is like: its kinds, bounds, speeds and troubles. */
export interface Plan {
  readonly partitions: number;
  readonly keys: number;
  readonly jobs: number;
  readonly steps: number;
  readonly kinds: readonly JobPolicy[];
  /** Kinds that only some workers know: a rolling deploy. */
  readonly halfKnown: ReadonlySet<string>;
  readonly limits: EngineLimits;
  /** Compaction leaves a record until what supersedes it is older than so many steps with a live owner. */
  readonly lagSteps: number;
  readonly chances: {
    readonly enqueue: number;
    readonly fault: number;
    readonly compact: number;
    readonly append: number;
    readonly ack: number;
    /** Of a publication: appended, and reported as failed. */
    readonly lostAck: number;
    /** Of a publication: refused (its copy may still land later). */
    readonly refused: number;
    readonly read: number;
    readonly fetch: number;
    readonly end: number;
    readonly flush: number;
    readonly commit: number;
    readonly commitLost: number;
    readonly command: number;
    /** Of a step: somebody pauses something, or resumes it. */
    readonly pause: number;
    /** Of a job: its id may come again. */
    readonly unique: number;
    /** Of a step: somebody who has no business there writes into the retry topic. */
    readonly stranger: number;
    readonly park: number;
    readonly gap: number;
    readonly scheduled: number;
    readonly poison: number;
    readonly keyless: number;
    readonly doubled: number;
    readonly tooLarge: number;
    readonly unread: number;
    readonly done: number;
    readonly snooze: number;
    readonly dead: number;
  };
}

const policy = (kind: string, rest: Partial<JobPolicy>): JobPolicy => ({
  kind,
  queue: 'q',
  order: 'strict',
  attempts: 3,
  backoff: { firstMs: 20, factor: 2, maxMs: 400, jitter: 0.5 },
  timeoutMs: null,
  whenBuried: 'continue',
  delivery: 'at-least-once',
  batch: null,
  ...rest,
});

const LAG_STEPS = 150;

/** Half of the seeds know strict order alone, where each breach shows; the others mix everything. */
export function drawPlan(chance: Chance, overrides: { readonly lagSteps?: number }): Plan {
  const mixed = chance.hit(0.5);
  const rare = (probability: number): number => (mixed && chance.hit(0.5) ? probability : 0);
  const attempts = 1 + chance.int(4);
  const firstMs = chance.pick([0, 20, 200]);
  const backoff = { firstMs, factor: 2, maxMs: 400, jitter: 0.5 };
  const kinds = [policy('plain', { attempts, backoff })];
  if (mixed) {
    const others = [
      policy('hold', { attempts, backoff, whenBuried: 'hold' }),
      policy('hold', { attempts, backoff, whenBuried: 'hold' }),
      policy('relaxed', { attempts, backoff, order: 'relaxed' }),
      policy('free', { attempts, backoff, order: 'none' }),
      policy('once', { attempts: 1, delivery: 'at-most-once' }),
      policy('batch', { attempts, backoff, batch: { maxSize: 2 + chance.int(3), maxWaitMs: chance.pick([0, 40]) } }),
      policy('half', { attempts, backoff }),
    ];
    for (const other of others) if (chance.hit(0.4)) kinds.push(other);
  }
  return {
    partitions: chance.hit(0.3) ? 2 : 1,
    keys: 1 + chance.int(4),
    jobs: 4 + chance.int(28),
    steps: 400 + chance.int(500),
    kinds,
    halfKnown: new Set(['half']),
    limits: {
      concurrency: 1 + chance.int(6),
      intakeJobs: chance.pick([2, 5, 100, 100]),
      intakeBytes: chance.pick([300, 100_000]),
      backlogRecords: chance.pick([1, 4, 50]),
      roomEntries: chance.pick([3, 8, 1000, 1000]),
      roomBytes: chance.pick([500, 100_000, 100_000]),
      frontierPatienceMs: chance.pick([10, 100, 1000]),
      unknownKindBoundMs: chance.pick([500, 3000]),
      retryRecordBytes: 6000,
      rememberedIds: 1000,
    },
    lagSteps: overrides.lagSteps ?? LAG_STEPS,
    chances: {
      enqueue: chance.pick([0.05, 0.15, 0.6]),
      fault: chance.pick([0.004, 0.012, 0.04]),
      compact: chance.pick([0.003, 0.02, 0.1]),
      append: chance.pick([0.3, 0.6, 0.9]),
      ack: chance.pick([0.3, 0.6, 1]),
      lostAck: chance.pick([0, 0.1, 0.2]),
      refused: chance.pick([0, 0.05, 0.15]),
      read: chance.pick([0.3, 0.5, 0.9]),
      fetch: chance.pick([0.2, 0.5]),
      end: chance.pick([0.1, 0.4, 0.8]),
      flush: chance.pick([0.3, 0.9]),
      commit: chance.pick([0.15, 0.5]),
      commitLost: chance.pick([0, 0.1]),
      command: rare(0.03),
      pause: rare(0.02),
      unique: rare(0.3),
      stranger: rare(0.02),
      park: rare(0.1),
      gap: chance.pick([0, 0.2]),
      scheduled: rare(0.15),
      poison: rare(0.05),
      keyless: rare(0.05),
      doubled: rare(0.2),
      tooLarge: rare(0.05),
      unread: rare(0.1),
      done: chance.pick([0.5, 0.7]),
      snooze: rare(0.1),
      dead: mixed ? 0.1 : chance.pick([0, 0.05]),
    },
  };
}
