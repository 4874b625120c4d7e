import type { Codec } from '../avro/codec.ts';
import { commandJobs } from '../commands/commandJobs.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import type { Admin, Broker, OutgoingRecord, Producer } from '../kafka/port.ts';
import { partitionFor } from '../kafka/partitionFor.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { adoptDefinition, advance, applyCommand, cancelTold, eventsRead, fireAtMs, nextDueMs, runAcked, runEnded, runSighted, type Rules } from './decide.ts';
import type { Definition } from './definition.ts';
import { createRunFollower, type RunFollower } from './followRuns.ts';
import { createQueueBounds } from './queueBounds.ts';
import { runRecord } from './runRecord.ts';
import { stateOf, type BookEntry, type ScheduleBook } from './scheduleBook.ts';
import type { SchedulerObserver } from './schedulerObserver.ts';
import { writeState, type OpenRun, type ScheduleState } from './scheduleState.ts';
import { commandGone, stateRecord } from './scheduleTopic.ts';
import { createTicker } from './timing.ts';

export interface ReignTools {
  readonly broker: Broker;
  readonly admin: Admin;
  /** Started. */
  readonly producer: Producer;
  readonly codec: Pick<Codec, 'knows' | 'load' | 'decode'>;
  /** Wall time that does not step. */
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: SchedulerObserver;
  readonly createId: () => string;
}

/** The log, as the one writes to it who is active. */
export interface ReignLog {
  readonly book: ScheduleBook;
  /** Writes records made for an epoch, and resolves when they were read back under it: then they count. False: somebody else is active. */
  write(make: (epoch: number) => readonly OutgoingRecord[]): Promise<boolean>;
}

/** A time in which this process is the active scheduler. */
export interface Reign {
  /** Until {@link end}, or until somebody else is active. */
  run(): Promise<void>;
  /** The log says something new of an entry. */
  changed(entry: BookEntry): void;
  /** Finishes the write under way, and starts nothing more. */
  end(): void;
  /** Waits for what is being sent, not longer than a time; closes what is open. */
  close(patienceMs: number): Promise<void>;
}

/** A schedule as it is worked on. */
interface Work {
  readonly name: string;
  rules: Rules | null;
  state: ScheduleState | null;
  /** What the log has of it. */
  written: ScheduleState | null;
  mustWrite: boolean;
  dueMs: number | null;
  /** How often the log said that it was removed: another schedule bears the name since. */
  removals: number;
  /** What happened while its queue was not known. */
  readonly held: ((rules: Rules, state: ScheduleState) => ScheduleState)[];
}

/** The wall clock may be corrected: it is looked at so often. */
const LONGEST_SLEEP_MS = 10_000;
/** How often it is written down how far events have been read, and after how many records. */
const CHECKPOINT_MS = 60_000;
const CHECKPOINT_RECORDS = 1000;
const SEND_RETRY_MS = [50, 200, 1000, 5000] as const;

export function createReign(tools: ReignTools, log: ReignLog): Reign {
  const { broker, admin, producer, codec, clock, logger, observer, createId } = tools;
  const works = new Map<string, Work>();
  /** Names by the ids of their runs under way. */
  const names = new Map<string, string>();
  const followers = new Map<string, RunFollower>();
  const sending = new Map<string, Promise<void>>();
  const closing: Promise<void>[] = [];
  let inbox: (() => void)[] = [];
  let over = false;
  let sequence = 0;
  let checkpointMs = clock.monotonic() + CHECKPOINT_MS;
  let wake = Promise.withResolvers<void>();
  const waits = new Set<() => void>();

  const tell = (what: () => void): void => {
    inbox.push(what);
    wake.resolve();
  };
  const bounds = createQueueBounds({
    admin, clock,
    known: (queue) => { tell(() => { for (const work of works.values()) if (work.rules?.definition.queue === queue) readEntry(work.name); }); },
    trouble: (queue, err) => { logger.warn({ err, queue }, 'the ends of a queue\'s events could not be read; its schedules wait, or go by the last ones'); },
  });

  const sleep = (ms: number): Promise<void> => new Promise((resolve) => {
    const done = (): void => {
      cancel();
      waits.delete(done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    waits.add(done);
    if (over) done();
  });

  const positionOf = ({ queue, partition }: Pick<OpenRun, 'queue' | 'partition'>): number => followers.get(queue)?.position(partition) ?? 0;

  const rulesOf = (definition: Definition): Rules => ({
    definition,
    ticker: createTicker(definition.timing),
    place(jobId, key) {
      const ends = bounds.ends(definition.queue) ?? [];
      const partition = partitionFor(key ?? jobId, Math.max(1, ends.length));
      return { partition, from: followers.get(definition.queue)?.position(partition) ?? ends[partition] ?? 0 };
    },
  });

  const set = (work: Work, state: ScheduleState | null): void => {
    if (state === work.state) return;
    for (const { id } of work.state?.runs ?? []) names.delete(id);
    for (const { id } of state?.runs ?? []) names.set(id, work.name);
    work.state = state;
    work.dueMs = state === null || work.rules === null || !isKnown(work.rules) ? null : nextDueMs(work.rules, state);
  };

  /** Where its runs go, and their events will be. */
  const isKnown = ({ definition }: Rules): boolean => bounds.ends(definition.queue) !== null;

  /** Takes in what the log says of a schedule. One whose queue is not known yet waits. */
  const readEntry = (name: string): void => {
    const entry = log.book.entries.get(name);
    if (entry === undefined) return;
    const work = workOf(entry);
    work.mustWrite ||= entry.overwritten;
    const { definition } = entry;
    if (entry.unusable) {
      // Another version may know better: what is remembered of it stays.
      logger.warn({ schedule: name }, 'a schedule is not written in a form that is known here; it does not run');
      work.rules = null;
      work.dueMs = null;
      return;
    }
    if (definition === null || work.removals !== entry.removals) {
      work.removals = entry.removals;
      work.rules = null;
      work.held.length = 0;
      set(work, null);
      work.mustWrite ||= entry.commands.size > 0;
    }
    if (definition === null) {
      if (work.written === null && !work.mustWrite) works.delete(name);
      return;
    }
    const nowMs = clock.now();
    if (work.rules?.definition !== definition) {
      // What was due under the old rules comes first.
      if (work.rules !== null && work.state !== null && isKnown(work.rules)) set(work, advance(work.rules, work.state, Math.min(definition.putMs, nowMs)));
      work.rules = rulesOf(definition);
    }
    const { rules } = work;
    if (!isKnown(rules)) {
      work.dueMs = null;
      return;
    }
    let state = work.held.splice(0).reduce((so, decide) => decide(rules, so), adoptDefinition(definition, work.state, nowMs));
    for (const { command, offset } of [...entry.commands.values()].sort((a, b) => a.offset - b.offset)) {
      if (command !== null && offset > state.appliedTo) state = applyCommand(rules, state, command, offset, nowMs);
      else work.mustWrite = true;
    }
    set(work, state);
    work.dueMs = nextDueMs(rules, state);
  };

  const workOf = (entry: BookEntry): Work => {
    const { name, removals } = entry;
    let work = works.get(name);
    if (work === undefined) {
      const known = stateOf(entry);
      works.set(name, (work = { name, rules: null, state: null, written: known, mustWrite: false, dueMs: null, removals, held: [] }));
      set(work, known);
    }
    return work;
  };

  const change = (name: string, decide: (rules: Rules, state: ScheduleState) => ScheduleState): void => {
    const work = works.get(name);
    if (work?.rules == null || work.state === null) return;
    if (isKnown(work.rules)) set(work, decide(work.rules, work.state));
    else work.held.push(decide);
  };

  /** What is to be written down, and what is then said to be over. */
  const records = (written: readonly Work[], epoch: number): OutgoingRecord[] => written.flatMap((work) => {
    const entry = log.book.entries.get(work.name);
    const appliedTo = work.state?.appliedTo ?? -1;
    const gone = [...entry?.commands.values() ?? []].filter(({ command, offset }) => entry?.definition == null || command === null || offset <= appliedTo);
    return [stateRecord(work.name, epoch, ++sequence, work.state === null ? null : writeState(work.state)), ...gone.map(({ key }) => commandGone(key))];
  });

  const turn = async (): Promise<void> => {
    const told = inbox;
    inbox = [];
    for (const what of told) what();
    const nowMs = clock.now();
    for (const work of works.values()) if (work.dueMs !== null && work.dueMs <= nowMs) change(work.name, (rules, state) => advance(rules, state, nowMs));
    if (clock.monotonic() >= checkpointMs) checkpoint();
    const dirty = [...works.values()].filter((work) => work.mustWrite || work.state !== work.written);
    if (dirty.length === 0) return;
    for (const work of dirty) work.mustWrite = false;
    if (!await log.write((epoch) => records(dirty, epoch))) {
      over = true;
      return;
    }
    for (const work of dirty) {
      work.written = work.state;
      if (work.state === null && work.rules === null) forget(work.name);
    }
    perform(dirty);
  };

  /** Nothing is left to say of it. */
  const forget = (name: string): void => {
    works.delete(name);
    const entry = log.book.entries.get(name);
    if (entry?.definition === null && !entry.unusable && entry.commands.size === 0) log.book.drop(name);
  };

  const checkpoint = (): void => {
    checkpointMs = clock.monotonic() + CHECKPOINT_MS;
    for (const work of works.values()) {
      if (work.state?.runs.some((run) => run.awaited && positionOf(run) - run.from > CHECKPOINT_RECORDS) === true) set(work, eventsRead(work.state, positionOf));
    }
  };

  /** Does what stands in states that are written down and is not done yet. */
  const perform = (concerned: Iterable<Work>): void => {
    follow();
    for (const { rules, state, name } of concerned) {
      if (rules === null) continue;
      for (const run of state?.runs ?? []) {
        if (run.offset === null && run.queue === rules.definition.queue) once(`send ${run.id}`, () => send(name, rules, run));
        if (run.offset !== null && run.cancel === 'asked') once(`cancel ${run.id}`, () => cancel(name, run, run.offset ?? 0));
      }
    }
  };

  const once = (what: string, work: () => Promise<void>): void => {
    if (sending.has(what)) return;
    sending.set(what, work().finally(() => { sending.delete(what); }));
  };

  /** Tries until it is done, or it is of no use. @returns undefined: it is of no use any more, here or at all */
  const persist = async <T>(work: () => Promise<T>, gaveUp: (error: unknown) => void): Promise<T | undefined> => {
    for (let failures = 0; ; failures++) {
      try {
        return await work();
      } catch (error) {
        // A topic that is missing may be made.
        if (isMillraceError(error) && !error.retriable && error.code !== 'TOPIC_MISSING') {
          gaveUp(error);
          return undefined;
        }
        observer.trouble(error);
        await sleep(SEND_RETRY_MS[Math.min(failures, SEND_RETRY_MS.length - 1)] ?? 5000);
        if (over) return undefined;
      }
    }
  };

  const send = async (name: string, { definition, ticker }: Rules, run: OpenRun): Promise<void> => {
    const acked = await persist(() => producer.send(run.queue, run.partition, [runRecord(definition, run, clock.now())]), (err) => {
      logger.error({ err, schedule: name, jobId: run.id }, 'Kafka refused a run');
      tell(() => { change(name, (rules, state) => runEnded(rules, state, run.id, 'failed', clock.now())); });
    });
    if (acked === undefined) return;
    observer.started(name, run.cause === 'tick' ? clock.now() - fireAtMs(definition, ticker, run.tickMs) : null);
    tell(() => { change(name, (_rules, state) => runAcked(state, run.id, acked.baseOffset)); });
  };

  const cancel = async (name: string, { id, queue, partition }: OpenRun, offset: number): Promise<void> => {
    let refused = false;
    const place = { id, partition, offset };
    await persist(() => commandJobs({ broker, admin, producer, createId }, queue, 'cancel', [place]), (err) => {
      refused = true;
      logger.error({ err, schedule: name, jobId: id }, 'Kafka refused to cancel a run');
    });
    if (!over || refused) tell(() => { change(name, (_rules, state) => cancelTold(state, id)); });
  };

  /** Follows the events of the partitions where the end of a run is awaited, and no others. */
  const follow = (): void => {
    const wanted = new Map<string, Map<number, number>>();
    for (const { state } of works.values()) {
      for (const { awaited, queue, partition, from } of state?.runs ?? []) {
        if (!awaited) continue;
        const ofQueue = wanted.get(queue) ?? new Map<number, number>();
        wanted.set(queue, ofQueue.set(partition, Math.min(from, ofQueue.get(partition) ?? Infinity)));
      }
    }
    for (const [queue, partitions] of wanted) {
      const follower = followerOf(queue);
      for (const [partition, from] of partitions) if (follower.position(partition) === null) follower.follow(partition, from);
    }
    for (const [queue, follower] of followers) {
      const count = bounds.ends(queue)?.length ?? 0;
      for (let partition = 0; partition < count; partition++) if (wanted.get(queue)?.has(partition) !== true) follower.unfollow(partition);
    }
  };

  const followerOf = (queue: string): RunFollower => {
    let follower = followers.get(queue);
    if (follower !== undefined) return follower;
    follower = createRunFollower({
      broker, codec, queue, group: `millrace.scheduler.${createId()}`, clock,
      concerns: (jobId) => names.has(jobId),
      heard({ jobId, offset, end }) {
        const name = names.get(jobId) ?? '';
        if (end === null && works.get(name)?.state?.runs.find((run) => run.id === jobId)?.offset === offset) return;
        tell(() => { change(name, (rules, state) => (end === null ? runSighted(state, jobId, offset) : runEnded(rules, state, jobId, end, clock.now()))); });
      },
      gone(partition, startOffset) {
        tell(() => {
          for (const { name, state } of [...works.values()]) {
            const lost = state?.runs.filter((run) => run.queue === queue && run.partition === partition && run.from < startOffset) ?? [];
            for (const { id } of lost) change(name, (rules, so) => runEnded(rules, so, id, 'unknown', clock.now()));
            if (lost.length > 0) logger.warn({ schedule: name, runs: lost.map(({ id }) => id) }, 'events were deleted before they were read; the runs count as over');
          }
        });
      },
      trouble: (error) => { observer.trouble(error); },
    });
    followers.set(queue, follower);
    return follower;
  };

  return {
    async run() {
      for (const name of log.book.entries.keys()) readEntry(name);
      perform(works.values());
      while (!over) {
        wake = Promise.withResolvers();
        await turn();
        if (over) break;
        if (inbox.length > 0) continue;
        let dueMs = Infinity;
        for (const work of works.values()) dueMs = Math.min(dueMs, work.dueMs ?? Infinity);
        const cancelTimer = clock.after(Math.min(LONGEST_SLEEP_MS, Math.max(0, dueMs - clock.now())), () => { wake.resolve(); });
        await wake.promise;
        cancelTimer();
      }
    },
    changed(entry) { tell(() => { readEntry(entry.name); }); },
    end() {
      over = true;
      bounds.stop();
      for (const done of [...waits]) done();
      wake.resolve();
    },
    async close(patienceMs) {
      this.end();
      let cancelTimer = (): void => undefined;
      const late = new Promise<void>((resolve) => { cancelTimer = clock.after(patienceMs, resolve); });
      await Promise.race([Promise.allSettled(sending.values()), late]);
      cancelTimer();
      for (const follower of followers.values()) closing.push(follower.stop());
      await Promise.allSettled(closing);
    },
  };
}
