import type { Session } from '../database/port.ts';
import { stateAt, type JobState } from './jobState.ts';
import type { Clock } from '../runtime/clock.ts';
import { retryPauseMs } from '../runtime/sleeps.ts';

/** What may have changed of a watched job. */
export interface JobGlance {
  readonly queue: string;
  readonly partition: number;
  readonly place: number;
  readonly state: JobState;
  readonly entries: number;
  readonly progress: number | null;
  readonly note: string | null;
}

export type JobListener = (glance: JobGlance) => Promise<void>;

/** Looks at all watched jobs at once, a few times a second, however many watch: so it works with any number of instances, and costs one query. */
export interface JobWatch {
  /**
   * `seen` is called when the job is not as it was; first with how it is now. One call at a time; when it rejects, it is called again
   * with how the job is then, after 0.1 to 5 s. @returns how to stop
   */
  watch(place: Pick<JobGlance, 'queue' | 'partition' | 'place'>, seen: JobListener): () => void;
  stop(): void;
}

export interface JobWatchOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** Default 250. */
  readonly everyMs?: number;
  readonly trouble: (error: unknown) => void;
}

interface Listener {
  readonly seen: JobListener;
  /** It was not told yet, or missed it: a job that is over changes no more. */
  isOwed: boolean;
  isBusy: boolean;
  failures: number;
  /** Not before, monotonic ms. */
  againMs: number;
}

interface Watched {
  readonly place: Pick<JobGlance, 'queue' | 'partition' | 'place'>;
  readonly listeners: Set<Listener>;
  last: JobGlance | null;
}

export function createJobWatch({ session, clock, everyMs = 250, trouble }: JobWatchOptions): JobWatch {
  const watched = new Map<string, Watched>();
  let running = false;
  let stopped = false;
  let cancel = (): void => undefined;

  const look = async (): Promise<void> => {
    const places = [...watched.values()].map(({ place }) => place);
    const { rows } = await session.query<Omit<JobGlance, 'state'> & { state: JobState; due: number | null }>(
      `select queue, partition, place, state, due_ms as due, entries, progress, note from status_jobs
       where (queue, partition, place) in (select * from unnest($1::text[], $2::integer[], $3::bigint[]))`,
      [places.map(({ queue }) => queue), places.map(({ partition }) => partition), places.map(({ place }) => place)],
    );
    for (const { due, ...row } of rows) {
      const one = watched.get(nameOf(row));
      if (one === undefined) continue;
      const glance = { ...row, state: stateAt(row.state, due, clock.now()) };
      const isNews = one.last === null || !isSame(one.last, glance);
      one.last = glance;
      for (const listener of one.listeners) {
        listener.isOwed ||= isNews;
        if (listener.isOwed && !listener.isBusy && clock.monotonic() >= listener.againMs) tell(listener, glance);
      }
    }
  };
  const tell = (listener: Listener, glance: JobGlance): void => {
    listener.isOwed = false;
    listener.isBusy = true;
    listener.seen(glance).then(
      () => { listener.failures = 0; },
      (error: unknown) => {
        listener.isOwed = true;
        listener.againMs = clock.monotonic() + retryPauseMs(++listener.failures);
        trouble(error);
      },
    ).finally(() => { listener.isBusy = false; });
  };
  const goOn = (afterMs: number): void => {
    running = true;
    cancel = clock.after(afterMs, () => {
      look().catch(trouble).finally(() => {
        running = false;
        if (!stopped && watched.size > 0) goOn(everyMs);
      });
    });
  };

  return {
    watch(place, seen) {
      const name = nameOf(place);
      const one = watched.get(name) ?? { place, listeners: new Set(), last: null };
      watched.set(name, one);
      const mine: Listener = { seen, isOwed: true, isBusy: false, failures: 0, againMs: 0 };
      one.listeners.add(mine);
      if (!running && !stopped) goOn(0);
      return () => {
        one.listeners.delete(mine);
        if (one.listeners.size === 0 && watched.get(name) === one) watched.delete(name);
      };
    },
    stop() {
      stopped = true;
      cancel();
      watched.clear();
    },
  };
}

function nameOf({ queue, partition, place }: Pick<JobGlance, 'queue' | 'partition' | 'place'>): string {
  return `${queue}/${partition}/${place}`;
}

function isSame(a: JobGlance, b: JobGlance): boolean {
  return a.state === b.state && a.entries === b.entries && a.progress === b.progress && a.note === b.note;
}
