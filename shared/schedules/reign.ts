import type { OutgoingRecord } from '../kafka/port.ts';
import { partitionFor } from '../kafka/partitionFor.ts';
import { adoptDefinition, advance, applyCommand, cancelTold, eventsRead, nextDueMs, runAcked, runEnded, runSighted, type Rules } from './decide.ts';
import type { Definition } from './definition.ts';
import { createRunPerformer } from './performRuns.ts';
import { createQueueBounds } from './queueBounds.ts';
import { createRunFollowers } from './runFollowers.ts';
import { stateOf, type BookEntry, type ScheduleBook } from './scheduleBook.ts';
import type { SchedulerTools } from './schedulerTools.ts';
import { writeState, type OpenRun, type ScheduleState } from './scheduleState.ts';
import { commandGone, stateRecord } from './scheduleTopic.ts';
import { createTicker } from './timing.ts';

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
  /** When at the latest the state is written down, if it is not as written, monotonic ms. */
  writeByMs: number;
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
/** What the next scheduler would find out by itself is written with the next decision, or after so long. */
const LAZY_MS = 1000;

export function createReign(tools: SchedulerTools, log: ReignLog): Reign {
  const { admin, clock, logger } = tools;
  const works = new Map<string, Work>();
  /** Names by the ids of their runs under way. */
  const names = new Map<string, string>();
  let inbox: (() => void)[] = [];
  let over = false;
  let sequence = 0;
  let checkpointMs = clock.monotonic() + CHECKPOINT_MS;
  let wake = Promise.withResolvers<void>();

  const tell = (what: () => void): void => {
    inbox.push(what);
    wake.resolve();
  };
  const bounds = createQueueBounds({
    admin, clock,
    known: (queue) => { tell(() => { for (const work of works.values()) if (work.rules?.definition.queue === queue) readEntry(work.name); }); },
    trouble: (queue, err) => { logger.warn({ err, queue }, 'the ends of a queue\'s events could not be read; its schedules wait, or go by the last ones'); },
  });

  const performer = createRunPerformer({
    tools,
    acked(name, jobId, offset) { tell(() => { learn(name, (_rules, state) => runAcked(state, jobId, offset)); }); },
    refused(name, jobId) { tell(() => { learn(name, (rules, state) => runEnded(rules, state, jobId, 'failed', clock.now())); }); },
    told(name, jobId) { tell(() => { learn(name, (_rules, state) => cancelTold(state, jobId)); }); },
  });
  const followers = createRunFollowers({
    broker: tools.broker, codec: tools.codec, clock, createId: tools.createId,
    concerns: (jobId) => names.has(jobId),
    heard({ jobId, offset, end }) {
      const name = names.get(jobId) ?? '';
      if (end === null && works.get(name)?.state?.runs.find((run) => run.id === jobId)?.offset === offset) return;
      tell(() => { learn(name, (rules, state) => (end === null ? runSighted(state, jobId, offset) : runEnded(rules, state, jobId, end, clock.now()))); });
    },
    gone(queue, partition, startOffset) {
      tell(() => {
        for (const { name, state } of [...works.values()]) {
          const lost = state?.runs.filter((run) => run.queue === queue && run.partition === partition && run.from < startOffset) ?? [];
          for (const { id } of lost) learn(name, (rules, so) => runEnded(rules, so, id, 'unknown', clock.now()));
          if (lost.length > 0) logger.warn({ schedule: name, runs: lost.map(({ id }) => id) }, 'events were deleted before they were read; the runs count as over');
        }
      });
    },
    trouble: (error) => { tools.observer.trouble(error); },
  });

  const positionOf = ({ queue, partition }: Pick<OpenRun, 'queue' | 'partition'>): number => followers.position(queue, partition) ?? 0;

  const rulesOf = (definition: Definition): Rules => ({
    definition,
    ticker: createTicker(definition.timing),
    place(jobId, key) {
      const ends = bounds.ends(definition.queue) ?? [];
      const partition = partitionFor(key ?? jobId, Math.max(1, ends.length));
      return { partition, from: followers.position(definition.queue, partition) ?? ends[partition] ?? 0 };
    },
  });

  const set = (work: Work, state: ScheduleState | null, lazy = false): void => {
    if (state === work.state) return;
    work.writeByMs = Math.min(work.writeByMs, lazy ? clock.monotonic() + LAZY_MS : 0);
    for (const { id } of work.state?.runs ?? []) names.delete(id);
    for (const { id } of state?.runs ?? []) names.set(id, work.name);
    work.state = state;
    work.dueMs = state === null || work.rules === null || !isKnown(work.rules) ? null : nextDueMs(work.rules, state);
  };

  /** Where its runs go, and their events will be. */
  const isKnown = ({ definition }: Rules): boolean => bounds.ends(definition.queue) !== null;

  /** A schedule that meets a defect stops alone, until it is put again. */
  const guarded = (name: string, work: () => void): void => {
    try {
      work();
    } catch (err) {
      logger.error({ err, schedule: name }, 'a schedule failed; it does not run until it is put again');
      const failed = works.get(name);
      if (failed !== undefined) [failed.rules, failed.dueMs] = [null, null];
    }
  };

  const readEntry = (name: string): void => { guarded(name, () => { takeIn(name); }); };

  /** Takes in what the log says of a schedule. One whose queue is not known yet waits. */
  const takeIn = (name: string): void => {
    const entry = log.book.entries.get(name);
    if (entry === undefined) return;
    const work = workOf(entry);
    if (entry.overwritten) work.writeByMs = 0;
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
      if (entry.commands.size > 0) work.writeByMs = 0;
    }
    if (definition === null) {
      if (work.written === null && work.writeByMs === Infinity) works.delete(name);
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
    let state = work.held.splice(0).reduce((so, decide) => decide(rules, so), adoptDefinition(definition, work.state, nowMs, entry.sinceMs));
    for (const { command, offset } of [...entry.commands.values()].sort((a, b) => a.offset - b.offset)) {
      if (command !== null && offset > state.appliedTo) state = applyCommand(rules, state, command, offset, nowMs);
      else work.writeByMs = 0;
    }
    set(work, state);
    work.dueMs = nextDueMs(rules, state);
  };

  const workOf = (entry: BookEntry): Work => {
    const { name, removals } = entry;
    let work = works.get(name);
    if (work === undefined) {
      const known = stateOf(entry);
      works.set(name, (work = { name, rules: null, state: null, written: known, writeByMs: Infinity, dueMs: null, removals, held: [] }));
      set(work, known);
      work.writeByMs = Infinity;
    }
    return work;
  };

  const change = (name: string, decide: (rules: Rules, state: ScheduleState) => ScheduleState): void => {
    const work = works.get(name);
    if (work?.rules == null || work.state === null) return;
    const { rules, state } = work;
    if (isKnown(rules)) guarded(name, () => { set(work, decide(rules, state)); });
    else work.held.push(decide);
  };

  /** As {@link change}, for news of runs, which whoever takes over would get, too. What it makes due is written at once. */
  const learn = (name: string, decide: (rules: Rules, state: ScheduleState) => ScheduleState): void => {
    const work = works.get(name);
    const before = work?.state;
    const rules = work?.rules ?? null;
    if (work === undefined || before == null || rules === null || !isKnown(rules)) {
      change(name, decide);
      return;
    }
    guarded(name, () => {
      const after = decide(rules, before);
      const isDue = after.runs.some((run) => (run.offset !== null && run.cancel === 'asked') || !before.runs.some(({ id }) => id === run.id));
      set(work, after, !isDue);
    });
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
    const dirty = [...works.values()].filter((work) => work.writeByMs <= clock.monotonic());
    if (dirty.length === 0) return;
    for (const work of dirty) work.writeByMs = Infinity;
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
    const wanted = new Map<string, Map<number, number>>();
    for (const { state } of works.values()) {
      for (const { awaited, queue, partition, from } of state?.runs ?? []) {
        if (!awaited) continue;
        const ofQueue = wanted.get(queue) ?? new Map<number, number>();
        wanted.set(queue, ofQueue.set(partition, Math.min(from, ofQueue.get(partition) ?? Infinity)));
      }
    }
    followers.follow(wanted);
    for (const { rules, state, name } of concerned) if (rules !== null) for (const run of state?.runs ?? []) performer.perform(name, rules, run);
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
        let writeByMs = Infinity;
        for (const work of works.values()) {
          dueMs = Math.min(dueMs, work.dueMs ?? Infinity);
          writeByMs = Math.min(writeByMs, work.writeByMs);
        }
        const cancelTimer = clock.after(Math.max(0, Math.min(LONGEST_SLEEP_MS, dueMs - clock.now(), writeByMs - clock.monotonic())), () => { wake.resolve(); });
        await wake.promise;
        cancelTimer();
      }
    },
    changed(entry) { tell(() => { readEntry(entry.name); }); },
    end() {
      over = true;
      bounds.stop();
      performer.end();
      wake.resolve();
    },
    async close(patienceMs) {
      this.end();
      let cancelTimer = (): void => undefined;
      const late = new Promise<void>((resolve) => { cancelTimer = clock.after(patienceMs, resolve); });
      await Promise.race([performer.settled(), late]);
      cancelTimer();
      await followers.stop();
    },
  };
}
