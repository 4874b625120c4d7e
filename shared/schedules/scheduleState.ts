import type { RunCause, RunEnd, ScheduleCounts } from './schedule.ts';

/** A run that was decided on and is not known to have ended. Times are epoch ms. */
export interface OpenRun {
  readonly id: string;
  readonly tickMs: number;
  readonly cause: RunCause;
  readonly atMs: number;
  readonly queue: string;
  readonly partition: number;
  /** Its events stand at this offset of the partition's events, or later. */
  readonly from: number;
  /** Of its main record; null: Kafka has not acked it yet. */
  readonly offset: number | null;
  /** `asked`: it is to be told to its worker that it is cancelled; `told`: it is. */
  readonly cancel: 'no' | 'asked' | 'told';
  /** Its end is awaited; else it is over for the schedule as soon as Kafka has what is to be told. */
  readonly awaited: boolean;
}

/** A tick that waits for a run's end. */
export interface BufferedTick {
  readonly tickMs: number;
  readonly cause: RunCause;
  readonly id: string;
}

export interface PastRun {
  readonly id: string;
  readonly tickMs: number;
  readonly cause: RunCause;
  readonly atMs: number;
  readonly end: RunEnd | null;
}

/** All that is remembered of a schedule. */
export interface ScheduleState {
  /** Of the timing that the cursor belongs to. */
  readonly print: string;
  /** Every tick up to then is decided on. */
  readonly cursorMs: number;
  /** Commands up to this offset are carried out. */
  readonly appliedTo: number;
  readonly paused: { readonly atMs: number; readonly note: string | null } | null;
  readonly runs: readonly OpenRun[];
  readonly buffer: readonly BufferedTick[];
  readonly counts: ScheduleCounts;
  /** Newest first. */
  readonly recent: readonly PastRun[];
}

export function writeState(state: ScheduleState): Buffer {
  return Buffer.from(JSON.stringify(state));
}

/** Null: it cannot be used. Fields that an earlier version did not write have their defaults. */
export function parseState(bytes: Buffer): ScheduleState | null {
  try {
    const { print, cursorMs, appliedTo, paused, runs, buffer, counts, recent } = JSON.parse(bytes.toString()) as Partial<ScheduleState>;
    if (typeof print !== 'string' || !Number.isSafeInteger(cursorMs)) return null;
    return {
      print, cursorMs: cursorMs as number, appliedTo: appliedTo ?? -1, paused: paused ?? null, runs: listOf(runs), buffer: listOf(buffer), counts: { ...noCounts, ...counts }, recent: listOf(recent),
    };
  } catch {
    return null;
  }
}

export const noCounts: ScheduleCounts = { started: 0, ticked: 0, skipped: 0, pausedOver: 0, missed: 0, cancelled: 0 };

function listOf<T>(list: readonly T[] | undefined): readonly T[] {
  return Array.isArray(list) ? list as readonly T[] : [];
}
