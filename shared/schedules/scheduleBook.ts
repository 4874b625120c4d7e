import type { FetchedRecord } from '../kafka/port.ts';
import type { Definition } from './definition.ts';
import type { ScheduleCommand } from './scheduleCommand.ts';
import { parseState, type ScheduleState } from './scheduleState.ts';
import { readScheduleRecord } from './scheduleTopic.ts';
import { timingPrint } from './timing.ts';

/** A command that has not been said to be carried out. */
export interface StandingCommand {
  readonly key: string;
  readonly offset: number;
  /** Null: it cannot be read. */
  readonly command: ScheduleCommand | null;
}

/** What the log says of one schedule. */
export interface BookEntry {
  readonly name: string;
  /** Null: it was removed, or there is none yet. */
  definition: Definition | null;
  /** When it was put with its timing first, epoch ms: whoever puts it again changes nothing, also before any scheduler has seen it. */
  sinceMs: number;
  /** A definition stands there that cannot be used. */
  unusable: boolean;
  state: { readonly epoch: number; readonly sequence: number; readonly value: Buffer | null } | null;
  /** The last record of its state is not the one that counts: compaction would leave the wrong one. */
  overwritten: boolean;
  readonly commands: Map<string, StandingCommand>;
  /** How often it was removed: what has its name since is another schedule. */
  removals: number;
}

/**
 * The log of schedules, read. Everybody who reads it judges alike: of a schedule's states, the one with the highest epoch and sequence counts, and
 * none of an epoch below that of a lease that stands before it. So what a scheduler wrote that did not know that it was replaced counts for nothing.
 */
export class ScheduleBook {
  readonly entries = new Map<string, BookEntry>();
  /** Offset of the last lease; −1: there was none. */
  epoch = -1;
  /** Who took it. */
  owner = '';

  /** @returns what somebody should look at: an entry, the `lease`, or nothing */
  apply(record: FetchedRecord): BookEntry | 'lease' | null {
    const read = readScheduleRecord(record);
    switch (read.type) {
      case 'foreign':
        return null;
      case 'lease':
        this.epoch = record.offset;
        this.owner = read.owner;
        return 'lease';
      case 'definition': {
        const entry = this.#entry(read.name);
        const [before, after] = [entry.definition, read.definition];
        const isSame = before !== null && after !== null && timingPrint(before.timing) === timingPrint(after.timing);
        entry.sinceMs = isSame ? Math.min(entry.sinceMs, after.putMs) : after?.putMs ?? 0;
        entry.definition = after;
        entry.unusable = read.definition === null;
        return entry;
      }
      case 'removed': {
        const entry = this.#entry(read.name);
        entry.definition = null;
        entry.unusable = false;
        // Whatever comes under that name is another schedule.
        entry.state = null;
        entry.overwritten = true;
        entry.removals += 1;
        return entry;
      }
      case 'state': {
        const entry = this.#entry(read.name);
        const { epoch, sequence, value } = read;
        const known = entry.state;
        const newer = known === null || epoch > known.epoch || (epoch === known.epoch && sequence > known.sequence);
        if (epoch < this.epoch || !newer) {
          entry.overwritten ||= known === null || epoch !== known.epoch || sequence !== known.sequence;
          return entry;
        }
        entry.state = { epoch, sequence, value };
        entry.overwritten = false;
        return null;
      }
      case 'command': {
        const entry = this.#entry(read.name);
        entry.commands.set(read.key, { key: read.key, offset: record.offset, command: read.command });
        return entry;
      }
      case 'command-gone':
        this.entries.get(read.name)?.commands.delete(read.key);
        return null;
    }
  }

  /** Forgets an entry of which nothing is left to say. */
  drop(name: string): void {
    this.entries.delete(name);
  }

  #entry(name: string): BookEntry {
    let entry = this.entries.get(name);
    if (entry === undefined) this.entries.set(name, (entry = { name, definition: null, sinceMs: 0, unusable: false, state: null, overwritten: false, commands: new Map(), removals: 0 }));
    return entry;
  }
}

/** Null: none, or none that can be used. */
export function stateOf({ state }: BookEntry): ScheduleState | null {
  return state?.value == null ? null : parseState(state.value);
}
