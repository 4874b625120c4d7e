import type { RoomWrite } from '../../../../shared/engine/effects.ts';
import type { WaitReason } from '../../../../shared/engine/job.ts';
import type { Failure } from '../../../../shared/jobs/failure.ts';
import type { Chance } from './random.ts';

/** A record for the retry topic: its content when it was sent. */
export interface Sent {
  readonly type: RoomWrite['type'] | 'command' | 'pause' | 'foreign';
  readonly key: string;
  readonly origin: number;
  readonly holder: string;
  readonly epoch: number;
  readonly seq: number;
  readonly attempt: number;
  readonly dueMs: number;
  readonly reason: WaitReason;
  readonly failure: Failure | null;
  readonly firstFailure: Failure | null;
  /** Of a redrive. */
  readonly redriven: number | null;
  readonly command: 'redrive' | 'discard' | 'cancel' | 'run-now';
  /** Of a stranger's record: under a control key. */
  readonly control: boolean;
  /** Of a pause. */
  readonly on: boolean;
  readonly scope: string;
}

/** What a record says that says nothing. */
export const BLANK: Sent = {
  type: 'foreign', key: '', origin: -1, holder: '', epoch: 0, seq: 0, attempt: 0, dueMs: 0, reason: 'behind', failure: null, firstFailure: null, redriven: null, command: 'redrive',
  control: false, on: false, scope: '',
};

export interface LogEntry extends Sent {
  readonly offset: number;
  /** Steps with a live owner, when it was appended. */
  readonly age: number;
  readonly valid: boolean;
}

/** One partition of the retry topic, with a reader of its own that misses nothing and says what is true. */
export class RetryLog {
  entries: LogEntry[] = [];
  endOffset = 0;
  epoch = 0;
  seq = 0;
  /** Who holds the lease in force. */
  holder = '';
  /** The valid word about each job that is in the room. */
  readonly waiting = new Map<number, LogEntry>();
  /** Keys of the marks that stand. */
  readonly marks = new Set<string>();
  /** Who waited when a lease came into force, by its holder. */
  readonly waitingAtLease = new Map<string, readonly number[]>();
  /** When a null was first the only one of its key. */
  readonly #horizons = new Map<number, number>();
  readonly #chance: Chance;
  readonly #gap: number;

  constructor(chance: Chance, gap: number) {
    this.#chance = chance;
    this.#gap = gap;
  }

  /** One record batch: all of it or nothing. */
  append(batch: readonly Sent[], age: number): LogEntry[] {
    if (this.#chance.hit(this.#gap)) this.endOffset += 1 + this.#chance.int(2);
    return batch.map((sent) => {
      const valid = this.#judge(sent);
      const entry: LogEntry = { ...sent, offset: this.endOffset++, age, valid };
      this.entries.push(entry);
      if (valid && sent.type === 'wait') this.waiting.set(sent.origin, entry);
      else if (valid && (sent.type === 'tombstone' || sent.type === 'void')) this.waiting.delete(sent.origin);
      if (valid && sent.type === 'mark') this.marks.add(sent.key);
      else if (valid && sent.type === 'applied') this.marks.delete(sent.key);
      return entry;
    });
  }

  #judge(sent: Sent): boolean {
    if (sent.type === 'command' || sent.type === 'pause') return true;
    if (sent.type === 'foreign') return false;
    if (sent.type === 'lease') {
      if (sent.epoch <= this.epoch || sent.holder === 'forger') return false;
      this.epoch = sent.epoch;
      this.seq = 0;
      this.holder = sent.holder;
      this.waitingAtLease.set(sent.holder, [...this.waiting.keys()].sort((a, b) => a - b));
      return true;
    }
    if (sent.epoch !== this.epoch || sent.seq <= this.seq) return false;
    this.seq = sent.seq;
    return true;
  }

  read(from: number, most: number): { entries: LogEntry[]; nextOffset: number } {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.entries[middle] as LogEntry).offset < from) low = middle + 1;
      else high = middle;
    }
    const entries = this.entries.slice(low, low + most);
    const last = entries.at(-1);
    // A fetch that reaches the end says so, most times: what compaction removed there may hide it.
    const reachesEnd = low + entries.length === this.entries.length && this.#chance.hit(0.8);
    const nextOffset = reachesEnd ? this.endOffset : last === undefined ? from : last.offset + 1;
    return { entries, nextOffset: Math.max(from, nextOffset) };
  }

  /**
   * Drops what a record of the same key supersedes, where that one is older than `lag`. A null outlives what it supersedes by another lag
   * (`delete.retention.ms`), so that who reads at that time does not miss it. Here that holds for a null under a stranger's record too: whoever
   * reads a wait just before compaction lets a stranger hide its tombstone would run the job once more, which nobody can help.
   */
  compact(age: number, lag: number): void {
    const last = new Map<string, LogEntry>();
    for (const entry of this.entries) last.set(wireKey(entry), entry);
    this.entries = this.entries.filter((entry) => {
      const latest = last.get(wireKey(entry)) as LogEntry;
      if (latest !== entry && !(latest.type === 'foreign' && isNull(entry))) return latest.age >= age - lag;
      if (!isNull(entry) || latest.age >= age - lag) return true;
      const horizon = this.#horizons.get(entry.offset);
      if (horizon === undefined) this.#horizons.set(entry.offset, age);
      return horizon === undefined || horizon >= age - lag;
    });
  }
}

function isNull(entry: LogEntry): boolean {
  return entry.type === 'tombstone' || entry.type === 'void' || entry.type === 'applied';
}

/** Keys of leases and commands are out of the reach of job ids. */
function wireKey(entry: LogEntry): string {
  return entry.control || entry.type === 'lease' || entry.type === 'command' || entry.type === 'pause' || entry.type === 'mark' || entry.type === 'applied' ? `\u0000${entry.key}` : entry.key;
}
