import type { AttemptOutcome, WitnessLine } from '../guarantees/history.ts';
import type { Story } from './story.ts';

/** One handler call of one job, as the witness knows it. */
export interface Call {
  readonly told: Omit<WitnessLine, 'type' | 'atMs' | 'outcome'>;
  over: boolean;
  /** It was told to stop, and does not listen. */
  deaf: boolean;
}

/** Where effects go: outside the system under test, in the order of virtual time. */
export class Witness {
  readonly lines: WitnessLine[] = [];
  readonly #story: Story;
  readonly #nowMs: () => number;
  /** Calls that have not ended, by worker, place and fence. */
  readonly #open = new Map<string, Call>();

  constructor(story: Story, nowMs: () => number) {
    this.#story = story;
    this.#nowMs = nowMs;
  }

  start(told: Call['told']): Call {
    const call = { told, over: false, deaf: false };
    this.#open.set(`${told.worker} ${told.id} ${told.fence}`, call);
    this.#write('start', call);
    return call;
  }

  effect(call: Call): void {
    if (!call.over) this.#write('effect', call);
  }

  end(call: Call, outcome: AttemptOutcome, askedMs?: number): void {
    if (call.over) return;
    call.over = true;
    this.#open.delete(`${call.told.worker} ${call.told.id} ${call.told.fence}`);
    this.#write('end', call, outcome, askedMs);
  }

  /** The worker gave up waiting for a handler that hears no abort: what that still does is nobody's. */
  abandon(worker: string, place: string, fence: number, outcome: AttemptOutcome): void {
    const call = this.#open.get(`${worker} ${place} ${fence}`);
    if (call !== undefined) this.end(call, outcome);
  }

  /** The worker has stopped, and its process is gone: what did not listen goes with it. */
  gone(worker: string): void {
    for (const call of [...this.#open.values()]) if (call.told.worker === worker && call.deaf) this.end(call, 'retry');
  }

  #write(type: WitnessLine['type'], { told }: Call, outcome?: AttemptOutcome, askedMs?: number): void {
    const line = { type, ...told, atMs: this.#nowMs(), ...(outcome === undefined ? {} : { outcome }), ...(askedMs === undefined ? {} : { askedMs }) };
    this.lines.push(line);
    this.#story.tell(type, { worker: told.worker, entity: told.entity, place: told.id, attempt: told.attempt, ...(outcome === undefined ? {} : { outcome }), detail: `fence ${told.fence}` });
  }
}
