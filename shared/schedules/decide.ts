import { createHash } from 'node:crypto';
import type { Definition } from './definition.ts';
import type { OverlapPolicy, RunEnd } from './schedule.ts';
import type { ScheduleCommand } from './scheduleCommand.ts';
import { noCounts, type BufferedTick, type OpenRun, type PastRun, type ScheduleState } from './scheduleState.ts';
import { timingPrint, type Ticker } from './timing.ts';

/*
 * What a schedule does, as functions of what is known: its definition, its state, the time, and what happened. They give the state that follows; what is
 * to be sent stands in it (a run without an offset, a cancel that is asked), so that whoever takes over sends it too.
 */

/** Where a run's job will stand, and from where on its events. */
export type PlaceRun = (jobId: string, key: string | null) => { readonly partition: number; readonly from: number };

export interface Rules {
  readonly definition: Definition;
  readonly ticker: Ticker;
  readonly place: PlaceRun;
}

/** Ticks that are made up for at once, and that may wait for a run's end. */
export const MAX_BUFFERED = 1000;
/** Runs that a schedule follows at once; with so many under way, further ticks are skipped whatever the policy is. */
const MAX_RUNS = 1000;
const MAX_COUNTED = 1000;
const RECENT = 10;

/**
 * How a schedule begins, or goes on under a new definition: a timing that is not the one before has no past ticks.
 * @param putMs when it was put with its timing first
 */
export function adoptDefinition(definition: Definition, state: ScheduleState | null, nowMs: number, putMs = definition.putMs): ScheduleState {
  const print = timingPrint(definition.timing);
  // A put from a machine whose clock is ahead shall not hold back ticks.
  const sinceMs = Math.min(putMs, nowMs);
  if (state === null) return { print, cursorMs: sinceMs, appliedTo: -1, paused: null, runs: [], buffer: [], counts: noCounts, recent: [] };
  // What was to be sent to another queue cannot be made of the new definition.
  const runs = state.runs.filter((run) => run.offset !== null || run.queue === definition.queue);
  if (state.print === print) return runs.length === state.runs.length ? state : { ...state, runs };
  return { ...state, runs, print, cursorMs: Math.max(state.cursorMs, sinceMs) };
}

/** When the next tick is due, epoch ms, its jitter included; null: none is. */
export function nextDueMs({ definition, ticker }: Pick<Rules, 'definition' | 'ticker'>, state: ScheduleState): number | null {
  if (state.paused !== null || isSpent(definition, state)) return null;
  const tick = ticker.next(state.cursorMs);
  return tick === null ? null : fireAtMs(definition, ticker, tick);
}

/** Decides on all ticks that are due. */
export function advance(rules: Rules, state: ScheduleState, nowMs: number): ScheduleState {
  const { definition, ticker } = rules;
  if (nowMs <= state.cursorMs || isSpent(definition, state)) return state;
  if (state.paused !== null) {
    const pausedOver = ticker.count(state.cursorMs, nowMs, MAX_COUNTED);
    return { ...state, cursorMs: nowMs, counts: { ...state.counts, pausedOver: state.counts.pausedOver + pausedOver } };
  }
  const windowMs = Math.max(state.cursorMs, nowMs - definition.catchUpMs - definition.jitterMs - 1);
  const ticks = ticker.last(windowMs, nowMs, MAX_BUFFERED).filter((tick) => fireAtMs(definition, ticker, tick) <= nowMs);
  const oldest = ticks.length === MAX_BUFFERED ? (ticks[0] ?? nowMs) - 1 : windowMs;
  const missed = ticker.count(state.cursorMs, oldest, MAX_COUNTED);
  if (missed === 0 && ticks.length === 0) return state;
  let next: ScheduleState = { ...state, cursorMs: oldest, counts: { ...state.counts, missed: state.counts.missed + missed } };
  for (const tickMs of ticks) {
    if (isSpent(definition, next)) break;
    next = { ...take(rules, next, { tickMs, cause: 'tick', id: jobIdOfTick(definition.name, tickMs) }, definition.overlap, nowMs), cursorMs: tickMs };
  }
  return next;
}

/** Carries out a command; ticks before it come first. */
export function applyCommand(rules: Rules, state: ScheduleState, command: ScheduleCommand, offset: number, nowMs: number): ScheduleState {
  const { definition } = rules;
  const before: ScheduleState = { ...advance(rules, state, Math.min(command.atMs, nowMs)), appliedTo: offset };
  switch (command.type) {
    case 'pause':
      return { ...before, paused: { atMs: before.paused?.atMs ?? command.atMs, note: command.note } };
    case 'resume':
      return drain(rules, { ...before, paused: null }, nowMs);
    case 'run-now':
      return take(rules, before, { tickMs: command.atMs, cause: 'run-now', id: jobIdOfRunNow(definition.name, command.id) }, command.overlap ?? definition.overlap, nowMs);
    case 'backfill':
      return rules.ticker.last(command.fromMs - 1, command.toMs, MAX_BUFFERED).reduce((so, tickMs) => (
        take(rules, so, { tickMs, cause: 'backfill', id: `${jobIdOfTick(definition.name, tickMs)}/${command.id}` }, command.overlap, nowMs)
      ), before);
  }
}

/** A run has ended, or Kafka refused its job: what waits for that starts. */
export function runEnded(rules: Rules, state: ScheduleState, id: string, end: RunEnd, nowMs: number): ScheduleState {
  if (!state.runs.some((run) => run.id === id)) return state;
  return drain(rules, { ...state, runs: state.runs.filter((run) => run.id !== id), recent: endRecent(state.recent, id, end) }, nowMs);
}

/** Kafka has the run's job. */
export function runAcked(state: ScheduleState, id: string, offset: number): ScheduleState {
  return settleRun(state, id, (run) => ({ ...run, offset: run.offset ?? offset }));
}

/** An event told where the run's job stands: the first of its id, where it was enqueued twice. */
export function runSighted(state: ScheduleState, id: string, offset: number): ScheduleState {
  return settleRun(state, id, (run) => (run.offset === offset ? run : { ...run, offset }));
}

/** Kafka has the command to cancel the run. */
export function cancelTold(state: ScheduleState, id: string): ScheduleState {
  return settleRun(state, id, (run) => ({ ...run, cancel: 'told' }));
}

/** A run's events have been read up to there. */
export function eventsRead(state: ScheduleState, positionOf: (run: OpenRun) => number): ScheduleState {
  return { ...state, runs: state.runs.map((run) => ({ ...run, from: Math.max(run.from, positionOf(run)) })) };
}

/** The id of a tick's job: the same, whoever enqueues it. */
export function jobIdOfTick(name: string, tickMs: number): string {
  return `${name}@${new Date(tickMs).toISOString()}`;
}

export function jobIdOfRunNow(name: string, commandId: string): string {
  return `${name}@run-now/${commandId}`;
}

/** A tick's time and its jitter: a share of it, or of the time to the next tick, that hangs on name and tick alone. */
export function fireAtMs({ name, jitterMs }: Pick<Definition, 'name' | 'jitterMs'>, ticker: Ticker, tickMs: number): number {
  if (jitterMs === 0) return tickMs;
  const gapMs = (ticker.next(tickMs) ?? Infinity) - tickMs;
  const share = createHash('sha256').update(jobIdOfTick(name, tickMs)).digest().readUInt32BE() / 2 ** 32;
  return tickMs + Math.floor(share * Math.min(jitterMs, gapMs));
}

function isSpent({ limit }: Definition, { counts }: ScheduleState): boolean {
  return limit !== null && counts.ticked >= limit;
}

/** A tick is due: what becomes of it is the policy's. */
function take(rules: Rules, state: ScheduleState, tick: BufferedTick, overlap: OverlapPolicy, nowMs: number): ScheduleState {
  const awaited = state.runs.filter((run) => run.awaited);
  // In a pause, ticks may wait though nothing is under way; what is asked for by hand need not.
  if (awaited.length === 0 && (state.buffer.length === 0 || state.paused !== null)) return start(rules, state, tick, nowMs);
  switch (overlap) {
    case 'skip':
      return skip(state);
    case 'buffer-one':
      return state.buffer.length === 0 ? { ...state, buffer: [tick] } : skip(state);
    case 'buffer-all':
      return state.buffer.length < MAX_BUFFERED ? { ...state, buffer: [...state.buffer, tick] } : skip(state);
    case 'allow-all':
      return start(rules, state, tick, nowMs);
    case 'cancel-other':
      return { ...skip(cancelRuns(state, true), state.buffer.length), buffer: [tick] };
    case 'terminate-other':
      return start(rules, cancelRuns(state, false), tick, nowMs);
  }
}

function skip(state: ScheduleState, count = 1): ScheduleState {
  return count === 0 ? state : { ...state, counts: { ...state.counts, skipped: state.counts.skipped + count } };
}

function start(rules: Rules, state: ScheduleState, { tickMs, cause, id }: BufferedTick, nowMs: number): ScheduleState {
  if (state.runs.length >= MAX_RUNS || state.runs.some((run) => run.id === id)) return skip(state);
  const run: OpenRun = {
    id, tickMs, cause, atMs: nowMs, queue: rules.definition.queue, ...rules.place(id, rules.definition.key), offset: null, cancel: 'no',
    // Nothing ever waits for the end of a run that may have others beside it.
    awaited: rules.definition.overlap !== 'allow-all',
  };
  const { started, ticked } = state.counts;
  return {
    ...state, runs: [...state.runs, run], counts: { ...state.counts, started: started + 1, ticked: ticked + (cause === 'tick' ? 1 : 0) },
    recent: [{ id, tickMs, cause, atMs: nowMs, end: null }, ...state.recent].slice(0, RECENT),
  };
}

/** All runs under way are to be told that they are cancelled; whether their ends are awaited still is the policy's. */
function cancelRuns(state: ScheduleState, awaited: boolean): ScheduleState {
  const concerned = state.runs.filter((run) => run.awaited);
  const runs = state.runs.map((run): OpenRun => (run.awaited ? { ...run, awaited, cancel: run.cancel === 'no' ? 'asked' : run.cancel } : run));
  const fresh = concerned.filter((run) => run.cancel === 'no').length;
  return {
    ...state, runs: runs.filter((run) => run.awaited || !isOver(run)), counts: { ...state.counts, cancelled: state.counts.cancelled + fresh },
    recent: awaited ? state.recent : concerned.reduce((recent, run) => endRecent(recent, run.id, 'terminated'), state.recent),
  };
}

/** Starts what waited, as far as nothing is under way any more; in a pause, only what somebody asked for by hand. */
function drain(rules: Rules, state: ScheduleState, nowMs: number): ScheduleState {
  let next = state;
  while (!next.runs.some((run) => run.awaited)) {
    const at = next.buffer.findIndex(({ cause }) => next.paused === null || cause !== 'tick');
    const tick = next.buffer[at];
    if (tick === undefined) break;
    next = start(rules, { ...next, buffer: next.buffer.filter((_, index) => index !== at) }, tick, nowMs);
  }
  return next;
}

function settleRun(state: ScheduleState, id: string, change: (run: OpenRun) => OpenRun): ScheduleState {
  const runs = state.runs.map((run) => (run.id === id ? change(run) : run));
  if (runs.every((run, index) => run === state.runs[index])) return state;
  return { ...state, runs: runs.filter((run) => run.awaited || !isOver(run)) };
}

/** Of a run whose end nobody awaits: is all sent that is to be? */
function isOver({ offset, cancel }: OpenRun): boolean {
  return offset !== null && cancel !== 'asked';
}

function endRecent(recent: readonly PastRun[], id: string, end: RunEnd): readonly PastRun[] {
  return recent.map((run) => (run.id === id && run.end === null ? { ...run, end } : run));
}

