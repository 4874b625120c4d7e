import { adoptDefinition } from './decide.ts';
import type { Definition } from './definition.ts';
import type { ScheduleRun, ScheduleView } from './schedule.ts';
import { stateOf, type BookEntry } from './scheduleBook.ts';
import type { PastRun } from './scheduleState.ts';
import { nextTicks } from './timing.ts';

const SHOWN_TICKS = 5;
const SHOWN_BUFFERED = 10;

/** A schedule as people are shown it. Commands that no scheduler has carried out yet are told as if one had, as far as they pause. */
export function viewSchedule(entry: BookEntry, definition: Definition, nowMs: number): ScheduleView {
  const { timing } = definition;
  const state = adoptDefinition(definition, stateOf(entry), nowMs, entry.sinceMs);
  let { paused } = state;
  for (const { command, offset } of [...entry.commands.values()].sort((a, b) => a.offset - b.offset)) {
    if (offset <= state.appliedTo) continue;
    if (command?.type === 'pause') paused = { atMs: paused?.atMs ?? command.atMs, note: command.note };
    if (command?.type === 'resume') paused = null;
  }
  const spent = definition.limit !== null && state.counts.ticked >= definition.limit;
  return {
    name: definition.name, kind: definition.kind, queue: definition.queue, key: definition.key,
    cron: timing.cron, timezone: timing.timezone, everyMs: timing.everyMs, offsetMs: timing.offsetMs, startAt: dateOf(timing.startMs), endAt: dateOf(timing.endMs),
    overlap: definition.overlap, catchUpMs: definition.catchUpMs, jitterMs: definition.jitterMs, limit: definition.limit, note: definition.note, putAt: new Date(definition.putMs),
    paused: paused === null ? null : { at: new Date(paused.atMs), note: paused.note },
    next: paused !== null || spent ? [] : nextTicks(timing, Math.max(nowMs, state.cursorMs), SHOWN_TICKS).map((tick) => new Date(tick)),
    running: state.runs.filter((run) => run.awaited).map((run) => viewRun({ ...run, end: null })),
    buffered: state.buffer.slice(0, SHOWN_BUFFERED).map(({ tickMs }) => new Date(tickMs)),
    bufferedCount: state.buffer.length, counts: state.counts, recent: state.recent.map(viewRun),
  };
}

function viewRun({ id, tickMs, cause, atMs, end }: PastRun): ScheduleRun {
  return { jobId: id, tick: new Date(tickMs), cause, at: new Date(atMs), end };
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
