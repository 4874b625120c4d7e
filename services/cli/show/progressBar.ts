import type { Clock } from '../../../shared/runtime/clock.ts';
import type { Output } from '../cliHost.ts';
import { spanText } from './age.ts';

/** Where long work stands. */
export interface WorkProgress {
  readonly done: number;
  readonly total: number;
  readonly perSecond: number;
  /** Null: not known yet. */
  readonly leftMs: number | null;
  /** A few words more. */
  readonly note?: string;
}

export interface ProgressBar {
  show(progress: WorkProgress): void;
  /** Clears the line: what comes next stands in its place. */
  clear(): void;
}

const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[2K';

/** Elsewhere than on a terminal: work that is over sooner says nothing but its result. */
const LINE_EVERY_MS = 5000;

/** One line that is written anew, on a terminal; elsewhere a line every five seconds. */
export function createProgressBar(output: Output, clock: Pick<Clock, 'monotonic'>): ProgressBar {
  if (output.isTTY !== true) return createProgressLines(output, clock);
  return {
    show(progress) { output.write(CLEAR_LINE + renderProgress(progress).slice(0, Math.max(20, (output.columns ?? 80) - 1))); },
    clear() { output.write(CLEAR_LINE); },
  };
}

function createProgressLines(output: Output, clock: Pick<Clock, 'monotonic'>): ProgressBar {
  let saidMs: number | null = null;
  return {
    show(progress) {
      const now = clock.monotonic();
      saidMs ??= now;
      if (now - saidMs < LINE_EVERY_MS) return;
      saidMs = now;
      output.write(`${renderProgress(progress)}\n`);
    },
    clear: () => undefined,
  };
}

export function renderProgress({ done, total, perSecond, leftMs, note }: WorkProgress): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.round(share * BAR_WIDTH);
  return [
    `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)}%`, `${done} of ${total}`, `${Math.round(perSecond)}/s`,
    ...(leftMs === null ? [] : [`${spanText(leftMs)} left`]), ...(note === undefined ? [] : [note]),
  ].join('  ');
}
