import type { Fault, JobInput } from '../../../../shared/engine/job.ts';
import type { JobPolicy } from '../../../../shared/jobs/policy.ts';
import type { Plan } from './plan.ts';
import type { Chance } from './random.ts';

/** A record of the main topic, with what the world knows about it. */
export interface MainEntry {
  readonly offset: number;
  readonly timestampMs: number;
  readonly id: string;
  readonly policy: JobPolicy;
  readonly key: Buffer | null;
  readonly notBeforeMs: number;
  readonly poison: boolean;
  readonly bytes: number;
  readonly uniqueForMs: number;
  /** Its schema is not there before. */
  readonly readableAtMs: number;
}

const POISON: Fault = { reason: 'wire', failure: { code: 'WIRE_MAGIC', name: 'BadRecord', message: 'no magic byte', at: 0 } };
export const TOO_LARGE_BYTES = 6000;

/** When the record at an offset was written. */
export function timestampOf(offset: number): number {
  return 1000 + offset;
}

/** One partition of the main topic. Control records leave gaps in its offsets, at times wide ones. */
export class MainLog {
  readonly entries: MainEntry[] = [];
  readonly #at = new Map<number, MainEntry>();
  endOffset = 0;

  append(plan: Plan, chance: Chance, now: number): MainEntry {
    const { chances } = plan;
    if (chance.hit(chances.gap)) this.endOffset += chance.hit(0.03) ? 13_000 + chance.int(20_000) : 1 + chance.int(3);
    const offset = this.endOffset++;
    const twin = chance.hit(chances.doubled) && this.entries.length > 0 ? chance.pick(this.entries) : null;
    const unique = chance.hit(chances.unique);
    const entry: MainEntry = {
      offset,
      timestampMs: timestampOf(offset),
      id: unique ? `u${chance.int(3)}` : (twin?.id ?? `j${offset}`),
      policy: chance.hit(0.6) ? (plan.kinds[0] as JobPolicy) : chance.pick(plan.kinds),
      key: chance.hit(chances.keyless) ? null : Buffer.from(`k${chance.int(plan.keys)}`),
      notBeforeMs: chance.hit(chances.scheduled) ? now + chance.int(1500) : 0,
      poison: chance.hit(chances.poison),
      bytes: chance.hit(chances.tooLarge) ? TOO_LARGE_BYTES : 100,
      uniqueForMs: unique ? chance.pick([50, 500, 5000]) : 0,
      readableAtMs: chance.hit(chances.unread) ? now + chance.int(1000) : 0,
    };
    if (chance.hit(chances.gap)) this.endOffset++;
    this.#note(entry);
    return entry;
  }

  /** Appends this very record. */
  add(entry: MainEntry): void {
    this.endOffset = entry.offset + 1;
    this.#note(entry);
  }

  #note(entry: MainEntry): void {
    this.entries.push(entry);
    this.#at.set(entry.offset, entry);
  }

  at(offset: number): MainEntry {
    const entry = this.#at.get(offset);
    if (entry === undefined) throw new Error(`no job was ever at main offset ${offset}`);
    return entry;
  }

  read(from: number, most: number): { records: MainEntry[]; nextOffset: number } {
    const records = this.entries.filter((entry) => entry.offset >= from).slice(0, most);
    const last = records.at(-1);
    return { records, nextOffset: last === undefined || last === this.entries.at(-1) ? Math.max(from, this.endOffset) : last.offset + 1 };
  }
}

export function inputOfMain(entry: MainEntry, policy: JobPolicy | null): JobInput {
  const { offset, timestampMs, id, key, bytes, notBeforeMs, poison } = entry;
  return { offset, timestampMs, id, kind: entry.policy.kind, policy, key: key?.toString('latin1') ?? null, value: null, headers: undefined, bytes, notBeforeMs, uniqueForMs: entry.uniqueForMs, fault: poison ? POISON : null };
}

/** As it comes back from a copy: when it may run is the record's to say, and what is wrong with it shows when it runs. */
export function inputOfCopy(entry: MainEntry, policy: JobPolicy | null): JobInput {
  return { ...inputOfMain(entry, policy), notBeforeMs: 0, fault: null };
}
