import { parseScope } from '../jobs/scope.ts';
import type { Job } from './job.ts';

/** What of one partition must not start. A partition without any has none of these, so that a pause costs nobody anything who has none. */
export class Pauses {
  #queue = false;
  readonly #kinds = new Set<string>();
  /** Keys byte for byte, as latin1. */
  readonly #keys = new Set<string>();

  /** @returns false for what is no scope */
  set(text: string, on: boolean): boolean {
    const scope = parseScope(text);
    switch (scope?.type) {
      case undefined:
        return false;
      case 'queue':
        this.#queue = on;
        return true;
      case 'kind':
        put(this.#kinds, scope.kind, on);
        return true;
      case 'key':
        put(this.#keys, scope.key.toString('latin1'), on);
        return true;
    }
  }

  get none(): boolean {
    return !this.#queue && this.#kinds.size === 0 && this.#keys.size === 0;
  }

  /** Must the job not start? One that was settled before its start (at most once) has begun already. */
  holds(job: Job): boolean {
    if (job.claimed) return false;
    if (this.#queue || this.#kinds.has(job.kind)) return true;
    return this.#keys.size > 0 && job.keyText !== null && this.#keys.has(job.keyText);
  }
}

function put(set: Set<string>, name: string, on: boolean): void {
  if (on) set.add(name);
  else set.delete(name);
}
