import { createHash } from 'node:crypto';
import type { AttemptOutcome } from '../guarantees/history.ts';

/** One line of a run's history, in the order of virtual time. */
export interface StoryLine {
  /** Ms from the start. */
  readonly atMs: number;
  readonly type:
    | 'enqueue' | 'accept' | 'refused' | 'append' | 'start' | 'effect' | 'end' | 'wait' | 'tombstone' | 'void' | 'lease' | 'command' | 'applied' | 'bury' | 'commit'
    | 'assigned' | 'lost' | 'active' | 'notice' | 'trouble' | 'fault' | 'heal' | 'phase';
  readonly worker?: string;
  readonly entity?: string;
  /** `queue/partition`, or `queue/partition/offset`. */
  readonly place?: string;
  readonly attempt?: number;
  readonly outcome?: AttemptOutcome;
  readonly detail?: string;
}

/** Append-only; one run, one story. */
export class Story {
  readonly lines: StoryLine[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  tell(type: StoryLine['type'], rest: Omit<StoryLine, 'atMs' | 'type'> = {}): void {
    this.lines.push({ atMs: this.#nowMs(), type, ...rest });
  }

  /** Equal for equal stories, byte for byte. */
  fingerprint(): string {
    const hash = createHash('sha256');
    for (const line of this.lines) hash.update(`${JSON.stringify(line)}\n`);
    return hash.digest('hex');
  }
}

export function showLine({ atMs, type, worker, entity, place, attempt, outcome, detail }: StoryLine): string {
  const parts = [
    `${atMs.toFixed(2).padStart(10)} ${type.padEnd(9)}`, worker, entity, place, attempt === undefined ? undefined : `attempt ${attempt}`, outcome, detail,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}
