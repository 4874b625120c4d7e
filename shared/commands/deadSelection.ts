import { MillraceError } from '../errors/MillraceError.ts';
import type { BuriedJob } from './buried.ts';

/** Which buried jobs are meant. Data, so that a request, a command line and a program say it alike. All that is given must hold; nothing given: all. */
export interface DeadSelection {
  readonly ids?: readonly string[];
  readonly kind?: string;
  readonly errorCode?: string;
  /** Of the error that it was buried with; see `fingerprintOf`. */
  readonly fingerprint?: string;
  /** Buried at or after. */
  readonly from?: Date;
  /** Buried before. */
  readonly to?: Date;
  /** Of one of these entities; as text. */
  readonly keys?: readonly string[];
  /** Bears one of these tags. Tags are kept by the status service: see {@link TagsOf}. */
  readonly tags?: readonly string[];
  /** No more than so many: of each partition the first in their lanes. */
  readonly max?: number;
}

/** The tags of a buried job. */
export type TagsOf = (job: BuriedJob) => ReadonlySet<string>;

/**
 * The test that a selection puts to each job; `max` is not part of it. Pure.
 * @throws MillraceError BAD_COMMAND where it asks for tags and there is nobody to tell them
 */
export function selects(selection: DeadSelection, tagsOf?: TagsOf): (job: BuriedJob) => boolean {
  const { ids, kind, errorCode, fingerprint, from, to, keys, tags } = selection;
  if (tags !== undefined && tagsOf === undefined) throw new MillraceError('BAD_COMMAND', { at: 'tags', expected: 'a selection without tags', got: tags, fix: 'Tags are kept by the status service: ask its API' });
  const wantedIds = ids === undefined ? null : new Set(ids);
  const wantedKeys = keys === undefined ? null : new Set(keys);
  return (job) => (
    (wantedIds === null || wantedIds.has(job.id))
    && (kind === undefined || job.kind === kind)
    && (errorCode === undefined || job.code === errorCode)
    && (fingerprint === undefined || job.fingerprint === fingerprint)
    && (from === undefined || job.buriedAt >= from)
    && (to === undefined || job.buriedAt < to)
    && (wantedKeys === null || (job.key !== null && wantedKeys.has(job.key)))
    && (tags === undefined || tags.some((tag) => tagsOf?.(job).has(tag) === true))
  );
}

/** The jobs that a selection means, `max` at most, in the order given. Pure. @throws MillraceError BAD_COMMAND as {@link selects}; for a `max` that is no number of jobs */
export function pick<Job extends { readonly shown: BuriedJob }>(jobs: readonly Job[], selection: DeadSelection, tagsOf?: TagsOf): Job[] {
  const { max = Infinity } = selection;
  if (!(max >= 0)) throw new MillraceError('BAD_COMMAND', { at: 'max', expected: 'a number of jobs', got: max });
  const test = selects(selection, tagsOf);
  return jobs.filter(({ shown }) => test(shown)).slice(0, max);
}
