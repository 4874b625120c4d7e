import { decodeSettled } from '../../../../shared/engine/commitMetadata.ts';
import type { CommitPoint, DeadLetter, JobEvent } from '../../../../shared/engine/effects.ts';
import type { Job } from '../../../../shared/engine/job.ts';
import type { Partition } from '../../../../shared/engine/partition.ts';
import type { Outcome } from '../../../../shared/jobs/outcome.ts';
import { TOO_LARGE_BYTES, type MainEntry } from './mainLog.ts';
import type { LogEntry, RetryLog } from './retryLog.ts';

/** What became of one job, over all workers. */
export interface Track {
  readonly entry: MainEntry;
  /** Its lane's earlier and later jobs are those of equal name; null: it keeps no order. */
  readonly lane: string | null;
  done: boolean;
  /** Copies in the DLQ, and the offset of the last. */
  letters: number;
  letterOffset: number;
  /** An operator ended it before it was done. */
  cancelled: boolean;
  /** An earlier job bears its id. */
  mayBeDropped: boolean;
  /** An operator asked to run it at once. */
  hurried: boolean;
  /** Commands to cancel it, by key, with their offsets in the log; those that are answered are gone. */
  readonly cancels: Map<string, number>;
  /** Its burials that somebody asked to redrive, and those whose mark stands, with the offsets of both in the log. */
  readonly asked: { readonly burial: number; readonly offset: number }[];
  readonly marked: { readonly burial: number; readonly offset: number }[];
  /** When an owner last saw it end. */
  endedMs: number;
  discarded: boolean;
  /** An operator spoke of it. */
  commanded: boolean;
  /** The last thing said, how often the job had started and ended then, who found the job held, and whether that one told that it is done.
   * `alone`: no earlier word was unanswered then; of several, notices do not say which they mean. */
  command: { readonly type: 'redrive' | 'discard'; readonly key: string; readonly lived: number; readonly alone: boolean; foundIn: number; answered: boolean; applied: boolean } | null;
  starts: number;
  ends: number;
  /** The reign that saw it end and handed over cleanly. */
  sealed: boolean;
  /** Attempts that a clean handover has to remember. */
  sealedAttempts: number;
  /** The reign that counted its last attempt, and that attempt. */
  counted: { holder: string; attempt: number } | null;
  endedBy: string;
  readonly events: Set<JobEvent['type']>;
}

interface LaneStart {
  readonly offset: number;
  readonly holder: string;
}

/** Remembers what happened and tells which promise broke, by the names of the anomalies. */
export class History {
  readonly violations = new Map<string, string>();
  readonly tracks: Map<number, Track>[];
  readonly #lanes = new Map<string, Track[]>();
  readonly #laneStarts = new Map<string, LaneStart[]>();
  /** Pauses and resumes by partition, in the order of the log. */
  readonly #pauses: { readonly offset: number; readonly scope: string; readonly on: boolean }[][];
  /** Jobs whose id may come again, by partition and id. */
  readonly #bearers = new Map<string, Track[]>();
  starts = 0;
  repeats = 0;
  /** Nothing may start any more. */
  over = false;

  constructor(partitions: number) {
    this.tracks = Array.from({ length: partitions }, () => new Map<number, Track>());
    this.#pauses = this.tracks.map(() => []);
  }

  flag(name: string, detail: string): void {
    if (!this.violations.has(name)) this.violations.set(name, detail);
  }

  track(partition: number, offset: number): Track {
    const track = this.tracks[partition]?.get(offset);
    if (track === undefined) throw new Error(`no job was ever at ${partition}/${offset}`);
    return track;
  }

  enqueued(partition: number, entry: MainEntry): void {
    const lane = entry.key === null || entry.policy.order === 'none' ? null : `${partition}/${entry.key.toString()}`;
    const track: Track = {
      entry, lane, done: false, letters: 0, letterOffset: -1, cancelled: false, mayBeDropped: false, hurried: false, cancels: new Map(), asked: [], marked: [], endedMs: 0, discarded: false, commanded: false, command: null, starts: 0, ends: 0, sealed: false, sealedAttempts: 0, counted: null, endedBy: '', events: new Set(),
    };
    this.tracks[partition]?.set(entry.offset, track);
    if (entry.uniqueForMs > 0) {
      const bearers = this.#bearers.get(`${partition}/${entry.id}`) ?? [];
      this.#bearers.set(`${partition}/${entry.id}`, [...bearers, track]);
      track.mayBeDropped = bearers.length > 0;
    }
    if (lane === null) return;
    const jobs = this.#lanes.get(lane);
    if (jobs === undefined) this.#lanes.set(lane, [track]);
    else jobs.push(track);
  }

  /** Has the job's lane let go of it? */
  static isOver(track: Track): boolean {
    if (track.done || track.discarded || track.cancelled || track.events.has('duplicate')) return true;
    if (track.entry.policy.delivery === 'at-most-once' && track.events.has('started')) return true;
    return track.letters > 0 && !holds(track.entry);
  }

  /** @param legitimate by the group's owner, or by whose lease is in force */
  started(partition: Partition, job: Job, legitimate: boolean, log: RetryLog, now: number): void {
    this.starts++;
    const { number, holder } = partition;
    const track = this.track(number, job.offset);
    const { entry } = track;
    const name = `${number}/${job.offset} by ${holder}`;
    if (this.over) this.flag('A4 started after all was settled', name);
    track.starts++;
    if (track.starts > 1) this.repeats++;
    if (entry.policy.delivery === 'at-most-once' && track.starts > 1 && !track.commanded) this.flag('A3 at-most-once started twice', name);
    if (now < entry.notBeforeMs && !track.commanded && !track.hurried) this.flag('A13 early', `${name}: scheduled`);
    if (job.attempt + 1 > entry.policy.attempts) this.flag('A14 attempts exceeded', name);
    if (!track.commanded) {
      if (track.sealed && legitimate) this.flag('A4 repeated after a clean handover', name);
      if (job.attempt < track.sealedAttempts && legitimate) this.flag('A14 attempts forgotten by a clean handover', name);
      if (track.counted?.holder === holder && track.counted.attempt > job.attempt) this.flag('A14 attempt counted twice', name);
    }
    if (!legitimate) return;
    const waits = log.waiting.get(job.offset);
    if (waits !== undefined && waits.dueMs > now && !track.commanded && !track.hurried) this.flag('A13 early', `${name}: ${waits.reason} until ${waits.dueMs}, now ${now}`);
    if (track.lane === null) return;
    for (const earlier of this.#lanes.get(track.lane) ?? []) {
      if (earlier === track) break;
      if (isOrdered(earlier) && !History.isOver(earlier) && !track.discarded) this.flag('A7 order', `${name}: ${earlier.entry.offset} is not over`);
    }
    const starts = this.#laneStarts.get(track.lane);
    if (starts === undefined) this.#laneStarts.set(track.lane, [{ offset: job.offset, holder }]);
    else starts.push({ offset: job.offset, holder });
  }

  /** What is paused by what stands in the log before `position`. */
  pausedAt(partition: number, position: number): Set<string> {
    const paused = new Set<string>();
    for (const { offset, scope, on } of this.#pauses[partition] ?? []) {
      if (offset >= position) break;
      if (on) paused.add(scope);
      else paused.delete(scope);
    }
    return paused;
  }

  /** A job starts: did its owner read that it must not? */
  heldBack(partition: Partition, job: Job, legitimate: boolean): void {
    const { number, holder, log } = partition;
    const name = `${number}/${job.offset} by ${holder}`;
    const paused = this.pausedAt(number, log.position);
    for (const scope of ['queue', `kind:${job.kind}`, `key:${job.key?.toString() ?? ''}`]) if (paused.has(scope)) this.flag('A16 started while paused', `${name}: ${scope}`);
    const track = this.track(number, job.offset);
    if (track.asked.length === 0) for (const [key, offset] of track.cancels) if (offset < log.position) this.flag('A18 started though cancelled', `${name}: ${key}`);
    if (track.cancelled && legitimate && !track.commanded) this.flag('A18 cancel forgotten', name);
    if (legitimate) this.#soleBearer(track, name, job);
  }

  /** Of the jobs of an id that may come again, no other lives, or was settled within its time. */
  #soleBearer(track: Track, name: string, job: Job): void {
    const { entry } = track;
    if (entry.uniqueForMs === 0 || track.commanded) return;
    for (const other of this.#bearers.get(`${job.lane.partition.number}/${entry.id}`) ?? []) {
      if (other === track) return;
      if (other.commanded || other.entry.policy.delivery === 'at-most-once' || other.events.has('duplicate') || (other.mayBeDropped && other.starts === 0)) continue;
      // It cannot be told here when the mark of an earlier end ran out, but that it did not before its time.
      if (!History.isOver(other) || (other.endedMs > 0 && job.startedMs < other.endedMs + other.entry.uniqueForMs)) this.flag('A17 ran beside its double', `${name}: ${other.entry.offset}`);
    }
  }

  /** A burial's redrive was carried out. */
  redriven({ number, log, holder }: Partition, origin: number): void {
    const { asked, marked } = this.track(number, origin);
    const latest = (list: Track['asked']): number => Math.max(-1, ...list.filter(({ offset }) => offset < log.position).map(({ burial }) => burial));
    if (latest(asked) <= latest(marked)) this.flag('redriven twice', `${number}/${origin} by ${holder}`);
  }

  cancelled(partition: number, offset: number): void {
    this.track(partition, offset).cancelled = true;
  }

  ended(partition: Partition, job: Job, outcome: Outcome | 'interrupted', endedMs: number | null): void {
    if (outcome === 'interrupted') return;
    const track = this.track(partition.number, job.offset);
    if (endedMs !== null) track.endedMs = endedMs;
    track.ends++;
    if (outcome.type === 'done') track.done = true;
    if (outcome.type !== 'snooze') track.counted = { holder: partition.holder, attempt: job.attempt + 1 };
    track.endedBy = outcome.type === 'done' || outcome.type === 'dead' ? partition.holder : '';
  }

  discarded(partition: number, offset: number, epoch: number): void {
    const track = this.track(partition, offset);
    track.discarded = true;
    if (track.command !== null) track.command.foundIn = epoch;
  }

  commanded(partition: number, offset: number, type: 'redrive' | 'discard', key: string): void {
    const track = this.track(partition, offset);
    track.commanded = true;
    track.sealed = false;
    track.sealedAttempts = 0;
    // The same burial again is the same command.
    if (track.command?.key === key || track.asked.some(({ burial }) => type === 'redrive' && key === `redrive/${offset}/${burial}`)) return;
    const alone = track.command?.answered ?? true;
    track.command = { type, key, lived: track.starts + track.ends, alone, foundIn: 0, answered: false, applied: false };
  }

  /** A worker found the job waiting when it restored the room. */
  restored(partition: number, offset: number): void {
    const { command } = this.track(partition, offset);
    if (command?.type === 'discard' && command.applied) this.flag('discard forgotten', `${partition}/${offset}`);
  }

  letterAppended(partition: number, letter: DeadLetter, offset: number): void {
    const track = this.track(partition, letter.job.offset);
    track.letters++;
    track.letterOffset = offset;
  }

  eventAppended(partition: number, event: JobEvent): void {
    const track = this.track(partition, event.job.offset);
    track.events.add(event.type);
    if (event.type === 'duplicate' && !track.mayBeDropped && !track.done && track.letters === 0 && !track.cancelled) this.flag('A17 the first was dropped', `${partition}/${event.job.offset}`);
    if (event.type === 'buried' && track.letters === 0) this.flag('A15 buried without a DLQ copy', `${partition}/${event.job.offset}`);
  }

  retryAppended(partition: number, entry: LogEntry): void {
    const { type, key, origin, offset, valid } = entry;
    if (type === 'pause') this.#pauses[partition]?.push({ offset, scope: entry.scope, on: entry.on });
    if (type === 'command' && entry.command === 'cancel') this.track(partition, origin).cancels.set(key, offset);
    const burial = /^redrive\/\d+\/(\d+)$/.exec(key)?.[1];
    if (burial !== undefined && type === 'command') this.track(partition, origin).asked.push({ burial: Number(burial), offset });
    if (burial !== undefined && type === 'mark' && valid) this.track(partition, origin).marked.push({ burial: Number(burial), offset });
    if (valid && (type === 'applied' || type === 'mark')) {
      for (const { cancels } of this.tracks[partition]?.values() ?? []) cancels.delete(key);
      for (const { command } of this.tracks[partition]?.values() ?? []) {
        if (command?.key !== entry.key) continue;
        command.answered = true;
        command.applied ||= command.foundIn === entry.epoch && command.alone;
      }
    }
    if (!valid || type !== 'tombstone') return;
    const track = this.track(partition, entry.origin);
    if (!settledByEvent(track)) this.flag('tombstone before its event', `${partition}/${entry.origin}`);
  }

  /** A5, and events before settlement. */
  commitApplied(partition: number, point: CommitPoint, log: RetryLog): void {
    const bits = decodeSettled(point.offset, point.metadata);
    for (const [offset, track] of this.tracks[partition] ?? []) {
      if (offset >= point.offset && !bits.has(offset)) continue;
      const name = `${partition}/${offset} in ${point.offset}`;
      const waits = log.waiting.has(offset);
      if (!waits && !History.isOver(track)) this.flag('A5 committed past an unsettled job', name);
      if (waits ? track.events.size === 0 : !settledByEvent(track)) this.flag('committed before its event', name);
    }
  }

  /** The partition was revoked and says that all it has to say is durable. */
  drained(partition: Partition): void {
    for (const track of this.tracks[partition.number]?.values() ?? []) {
      if (track.commanded) continue;
      if (track.endedBy === partition.holder && History.isOver(track)) track.sealed = true;
      if (track.counted?.holder === partition.holder) track.sealedAttempts = track.counted.attempt;
    }
  }

  /** At quiescence: nothing lost, and each repeat was the replay of a suffix of its lane. */
  conclude(): void {
    for (const [partition, tracks] of this.tracks.entries()) {
      for (const [offset, track] of tracks) {
        const name = `${partition}/${offset}`;
        if (!History.isOver(track)) this.flag('A1 lost', name);
        if (!settledByEvent(track)) this.flag('status stuck', name);
        const { command, entry } = track;
        const runs = !entry.poison && entry.key !== null && entry.policy.kind !== 'half' && entry.policy.delivery === 'at-least-once';
        if (command?.type === 'redrive' && runs && track.starts + track.ends === command.lived && !track.done && !track.cancelled) this.flag('redrive forgotten', name);
      }
    }
    for (const [lane, starts] of this.#laneStarts) {
      const order = (this.#lanes.get(lane) ?? []).filter((track) => isOrdered(track) && isPlain(track)).map((track) => track.entry.offset);
      const seen = starts.filter((start) => order.includes(start.offset));
      for (let at = 1; at < seen.length; at++) {
        const before = seen[at - 1] as LaneStart;
        const after = seen[at] as LaneStart;
        const from = order.indexOf(before.offset);
        const to = order.indexOf(after.offset);
        if (to > from + 1) this.flag('A7 suffix', `${lane}: ${before.offset} by ${before.holder}, then ${after.offset} by ${after.holder}`);
        if (to < from && before.holder === after.holder) this.flag('A7 backwards', `${lane}: ${before.offset}, then ${after.offset} by ${after.holder}`);
      }
    }
  }
}

/** Buried, it closes its lane. */
function holds(entry: MainEntry): boolean {
  return entry.policy.whenBuried === 'hold' && entry.bytes < TOO_LARGE_BYTES;
}

/** Its successors wait for it: strict, not put off to a time of its own, and it can run at all. */
function isOrdered(track: Track): boolean {
  const { entry } = track;
  return entry.policy.order === 'strict' && entry.notBeforeMs === 0 && !track.mayBeDropped && !(entry.poison && entry.policy.whenBuried === 'continue');
}

/** It starts at least once, and again only when a crash repeats it. */
function isPlain(track: Track): boolean {
  const { entry } = track;
  return entry.policy.delivery === 'at-least-once' && !entry.poison && entry.policy.kind !== 'half' && !track.commanded && !track.cancelled && !track.hurried && !track.mayBeDropped;
}

function settledByEvent(track: Track): boolean {
  const { events, entry } = track;
  return events.has('done') || events.has('buried') || events.has('discarded') || events.has('cancelled') || events.has('duplicate') || (entry.policy.delivery === 'at-most-once' && events.has('started'));
}
