import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { isRate } from '../runtime/pacer.ts';
import type { WorkerOptions } from '../worker/worker.ts';
import type { ReplayPlan } from './planReplay.ts';
import type { ReplayRange } from './replayRange.ts';
import type { ReplaySelection } from './replaySelection.ts';

/** A job that died in a replay. */
export interface ReplayDeath {
  readonly id: string;
  readonly kind: string | null;
  readonly key: string | null;
  readonly partition: number;
  readonly offset: number;
  readonly attempts: number;
  /** A `BuryReason`. */
  readonly reason: string;
  readonly code: string | null;
  readonly message: string | null;
}

/** A job of a replay that waits because something that it needs is not there. */
export interface ReplayWait {
  readonly id: string;
  readonly kind: string;
  /** What is missing, as an error's code and message: CLAIM_NO_STORE, CLAIM_STORE_UNAVAILABLE, CLAIM_MISSING, EFFECTS_UNAVAILABLE, … */
  readonly code: string | null;
  readonly message: string;
}

/** Where a replay stands; of this run of it. */
export interface ReplayProgress {
  /** Jobs whose fate is decided: done, dead, or dropped as a double. */
  readonly settled: number;
  readonly dead: number;
  /** What the plan counted. */
  readonly total: number;
  readonly perSecond: number;
  /** Null: not known yet. */
  readonly leftMs: number | null;
}

export interface ReplayOptions extends ReplaySelection {
  /** Names the replay: letters, digits, `-`, `_`. Its progress is kept under it by Kafka, so that it goes on where it was, in this process or others. */
  readonly name: string;
  /** What is to run. A replay begins with a range, or with {@link all}; where one of this name goes on, both may be left out. */
  readonly range?: ReplayRange;
  /** In the place of a range: all that the main topic has. */
  readonly all?: boolean;
  /** Only count. */
  readonly dryRun?: boolean;
  /** Jobs begun in a second, at most, in each process. */
  readonly perSecond?: number;
  /** What becomes of an entity whose job died: `go-on` (default) runs its next job; `stop` ends the replay, and that job is the first of it when it goes on. */
  readonly onFailure?: 'go-on' | 'stop';
  /** Ends it cleanly: what runs ends, and it goes on from there another time. While it is still counted, nothing of it is written down. */
  readonly signal?: AbortSignal;
  /** Called once, before anything runs. */
  readonly planned?: (plan: ReplayPlan) => void;
  /** About once in `progressEveryMs`. */
  readonly progress?: (progress: ReplayProgress) => void;
  /** Default 500 ms. */
  readonly progressEveryMs?: number;
  /** Each job that dies, as it does. */
  readonly died?: (death: ReplayDeath) => void;
  /** A job waits for what is not there; told at each of its attempts. */
  readonly waits?: (wait: ReplayWait) => void;
  /** The consumer group of the queue's own workers. Default `millrace.<queue>`. */
  readonly group?: string;
  /** As a worker has it: concurrency, sandboxes, database, store of large payloads. */
  readonly worker?: Partial<Omit<WorkerOptions, 'broker' | 'registry' | 'jobs' | 'topics' | 'groupOf' | 'replay'>>;
}

const known: ReadonlySet<string> = new Set<keyof ReplayOptions>([
  'name', 'range', 'all', 'kinds', 'keys', 'dryRun', 'perSecond', 'onFailure', 'signal', 'planned', 'progress', 'progressEveryMs', 'died', 'waits', 'group', 'worker',
]);

/** Without types anything may come, and what is passed over would run more than was meant. @throws MillraceError BAD_REPLAY */
export function checkReplayOptions(jobs: unknown, options: ReplayOptions): void {
  if (!Array.isArray(jobs)) refuse('jobs', 'a list of job definitions', jobs);
  for (const option of Object.keys(options)) {
    if (known.has(option)) continue;
    const meant = didYouMean(option, known);
    refuse(option, `one of ${[...known].join(', ')}`, option, meant === null ? undefined : `Did you mean ${meant}?`);
  }
  const { name, range, all, kinds, keys, perSecond, onFailure } = options as Partial<Record<keyof ReplayOptions, unknown>>;
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,100}$/.test(name)) refuse('name', 'up to 100 letters, digits, "-" and "_"', name);
  if (perSecond !== undefined && !isRate(perSecond)) refuse('perSecond', 'a positive number', perSecond);
  if (onFailure !== undefined && onFailure !== 'go-on' && onFailure !== 'stop') refuse('onFailure', '"go-on" or "stop"', onFailure);
  if (all !== undefined && typeof all !== 'boolean') refuse('all', 'true or false', all);
  if (all === true && range !== undefined) refuse('range', 'a range, or all', 'both');
  if (kinds !== undefined && !isListOfText(kinds, 1)) refuse('kinds', 'a list of kinds\' names', kinds);
  if (keys !== undefined && !isListOfText(keys, 0)) refuse('keys', 'a list of entities, as text', keys);
}

function isListOfText(value: unknown, minLength: number): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string' && one.length >= minLength);
}

function refuse(at: string, expected: string, got: unknown, fix?: string): never {
  throw new MillraceError('BAD_REPLAY', { at, expected, got, ...(fix === undefined ? {} : { fix }) });
}
