/** One fault of a run, from its beginning to its end. Times are epoch ms. */
export interface Incident {
  readonly name: string;
  readonly what: string;
  /** When it was begun; what it does may have happened any time from then on. */
  readonly beginMs: number;
  /** When it was to end; infinite while it is in force. */
  healMs: number;
  /** When the heal was done. */
  healedMs: number;
}

/** Tells what happens in a run, line by line, and remembers its faults. */
export class Journal {
  readonly incidents: Incident[] = [];
  /** Faults that could not be begun or healed, and why. */
  readonly failures: string[] = [];
  readonly startMs = Date.now();
  readonly #write: (line: string) => void;
  readonly #asJson: boolean;

  constructor(write: (line: string) => void, asJson: boolean) {
    this.#write = write;
    this.#asJson = asJson;
  }

  tell(type: string, text: string, facts: object = {}): void {
    const atMs = Date.now() - this.startMs;
    this.#write(this.#asJson ? JSON.stringify({ atMs, type, text, ...facts }) : `${(atMs / 1000).toFixed(1).padStart(7)} s  ${type.padEnd(8)} ${text}`);
  }

  begun(name: string, what: string, beginMs: number): Incident {
    const incident = { name, what, beginMs, healMs: Infinity, healedMs: Infinity };
    this.incidents.push(incident);
    this.tell('fault', `${name}: ${what}`, { name });
    return incident;
  }

  healed(incident: Incident): void {
    incident.healedMs = Date.now();
    this.tell('healed', `${incident.name} after ${((incident.healMs - incident.beginMs) / 1000).toFixed(1)} s${incident.healedMs - incident.healMs > 1000 ? `; healing took ${((incident.healedMs - incident.healMs) / 1000).toFixed(1)} s` : ''}`, { name: incident.name });
  }

  failed(what: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.failures.push(`${what}: ${why}`);
    this.tell('failed', `${what}: ${why}`);
  }
}
