/** One rule left out: edits of the engine's source, applied while it is loaded. Each `find` must occur exactly once. */
export interface Mutation {
  readonly leavesOut: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
  /** Overrides the world's compaction lag instead. */
  readonly lagSteps?: number;
  /** How many seeds must be enough to catch it; null: 60,000 did not catch it, for the reason beside it. */
  readonly seeds: number | null;
  /** Then it is caught in this history of targeted.ts. */
  readonly targeted?: string;
  /** The unit test that shows it, where neither seeds nor a history do. */
  readonly unitTest?: string;
}

const edit = (file: string, find: string, replace: string): { file: string; find: string; replace: string } => ({ file, find, replace });

/** What must be caught when it is left out; the numbers are those of the rules in the engine's README. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'ack-settles': {
    leavesOut: 'rule 1: an ack counts like a read-back',
    edits: [
      edit('readLog.ts', 'function confirm(', 'export function confirm('),
      edit('readLog.ts', 'if (active) confirm(partition, record, now);', 'if (active) return;'),
      edit('flush.ts', "import { activate } from './restore.ts';", "import { activate } from './restore.ts'; import { confirm } from './readLog.ts';"),
      edit('flush.ts', '      partition.retry.acked(now);', "      for (const item of partition.retry.acked(now)) if (item.type !== 'lease' && partition.phase === 'active') confirm(partition, { ...item, offset: partition.log.position } as never, now);"),
    ],
    seeds: 2000,
  },
  'no-confirm': {
    leavesOut: 'rule 2: no commit proves ownership before the first start',
    edits: [edit('restore.ts', "        partition.phase = 'confirming';\n        partition.commitDue = true;", '        activate(partition, partition.lastProgressMs);')],
    seeds: 2000,
  },
  'never-lease-again': {
    leavesOut: 'rule 2: a usurped owner that is still a member does not begin anew',
    edits: [edit('restore.ts', "      partition.host.effect({ type: 'reassign', partition: partition.number });", '')],
    seeds: 2000,
  },
  'epoch-of-now': {
    leavesOut: "rule 3: the commit's epoch is today's",
    edits: [edit('partition.ts', 'encodeLogPoint(point)', 'encodeLogPoint({ epoch: this.log.epoch, seq: offset === this.log.position ? point.seq : 0 })')],
    seeds: 2000,
  },
  'no-fence': {
    leavesOut: 'rule 4: a record of a lower epoch counts',
    edits: [edit('roomLog.ts', "return 'zombie';", "return 'valid';")],
    seeds: 2000,
  },
  'no-reread': {
    leavesOut: 'rule 5: a restored job starts before the main topic is read again',
    edits: [edit('wake.ts', 'return head.slot >= 0 || head.offset < partition.frontier.position ? head : null;', 'return head;')],
    seeds: 2000,
  },
  'forget-tombstones': {
    leavesOut: 'rule 6: restored tombstones say nothing of main records',
    edits: [edit('restore.ts', "if (record.type === 'tombstone') noteTombstone(partition, record.origin, record.originMs);", '')],
    seeds: 2000,
  },
  'no-truth': {
    leavesOut: 'rule 7: zombies are not answered',
    edits: [edit('truth.ts', '  if (origin < 0) return;', '  if (origin >= -1) return;')],
    seeds: 20_000,
  },
  'void-as-tombstone': {
    leavesOut: 'rule 7: a job whose main record is yet to come is called settled',
    edits: [
      edit('truth.ts', "if (slot < 0) return 'void';", "if (slot < 0) return 'tombstone';"),
      edit('truth.ts', "? 'silence' : 'void';", "? 'silence' : 'tombstone';"),
    ],
    seeds: 2000,
  },
  'void-always': {
    leavesOut: 'rule 7: a settled job is not called settled',
    edits: [
      edit('truth.ts', "partition.tombstoned.has(origin)) return 'tombstone';", "partition.tombstoned.has(origin)) return 'void';"),
      edit('truth.ts', "settledIn === 1 ? 'tombstone'", "settledIn === 1 ? 'void'"),
    ],
    seeds: null, // harm needs a commit that lags behind a tombstone for longer than compaction does
    targeted: 'a settled job, a commit that lags, and a zombie that speaks of the job',
  },
  'truth-too-early': {
    leavesOut: 'rule 7: a job done, but not durably settled, is called settled',
    edits: [edit('truth.ts', "|| waiting.state === 'ended') return 'silence';", "|| waiting.state === 'ended') return 'tombstone';")],
    seeds: 20_000,
  },
  'drop-bits': {
    leavesOut: 'rule 8: the settled bits of the last commit are not carried on',
    edits: [edit('partition.ts', 'for (const known of this.committedBits)', 'for (const known of new Set<number>())')],
    seeds: 2000,
  },
  'drop-tombstones': {
    leavesOut: 'rule 8: restored tombstones are not carried on',
    edits: [edit('partition.ts', 'for (const known of this.tombstoned)', 'for (const known of new Set<number>())')],
    seeds: 20_000,
  },
  'tombstone-first': {
    leavesOut: "rule 9: a tombstone does not wait for its predecessor's commit",
    edits: [edit('settle.ts', 'if (lane.awaitsCommit > partition.durableCommit) {', 'if (lane.awaitsCommit > partition.durableCommit && false) {')],
    seeds: 2000,
  },
  'commit-first': {
    leavesOut: "rule 9: a commit does not wait for its predecessor's tombstone",
    edits: [
      edit('settle.ts', 'if (sealed && lane.settling === null && lane.leaving === 0 && job.room', 'if (sealed && job.room'),
      edit('settle.ts', '      if (lane.leaving > 0) return;', ''),
    ],
    seeds: 2000,
  },
  'no-lag': { leavesOut: 'rule 10: compaction does not wait', edits: [], lagSteps: 0, seeds: 20_000 },
  'one-lease-key': {
    leavesOut: 'rule 10: all leases have one key',
    edits: [edit('room.ts', "'lease', `lease/${epoch}`", "'lease', 'lease'")],
    seeds: null, // the answers to a zombie stand under its keys, which hides what a missing lease would have let pass
    targeted: 'a lease that lands after a higher one',
  },
  'stale-counts': {
    leavesOut: 'sequences: a doubled or late write of the epoch in force counts',
    edits: [edit('roomLog.ts', "return 'stale';", "return 'valid';")],
    seeds: 2000,
  },
  'stale-unanswered': {
    leavesOut: 'sequences: a doubled write is not answered',
    edits: [edit('readLog.ts', "    case 'zombie':\n    case 'stale':", "    case 'stale':\n      return;\n    case 'zombie':")],
    seeds: 20_000,
  },
  'believe-leaps': {
    leavesOut: 'strangers: an epoch that no owner can have is believed',
    edits: [edit('roomLog.ts', 'const LARGEST_LEAP = 1000;', 'const LARGEST_LEAP = 1e9;')],
    seeds: 2000,
  },
  'strangers-unanswered': {
    leavesOut: "strangers: a record under a waiting job's key is not answered",
    edits: [edit('readLog.ts', '      else readStrangersWord(partition, record.key);\n', '')],
    seeds: 20_000,
  },
  'settle-before-event': {
    leavesOut: 'a main record is settled before its event is acked',
    edits: [edit('readLog.ts', "const then = job.slot", "if (job.slot >= 0) partition.settleSlot(job.slot);\n      const then = job.slot")],
    seeds: 2000,
  },
  'discard-answered-at-once': {
    leavesOut: 'a discard is told as applied before it is durable',
    edits: [edit('commands.ts', "        partition.answers.set(job, record.key);\n        withdraw(partition, job, 'discarded', now);", "        putApplied(partition, record.key);\n        withdraw(partition, job, 'discarded', now);")],
    seeds: 20_000,
  },
  'redrive-too-early': {
    leavesOut: 'a command does not wait for a job on its way out',
    edits: [edit('commands.ts', "if (job !== null && (job.state === 'burying' || job.state === 'ended' || job.state === 'claiming')) return;", '')],
    seeds: 2000,
  },
  'repeat-claimed': {
    leavesOut: 'an interrupted at-most-once attempt runs again',
    edits: [edit('finish.ts', "  if (job.claimed) {\n    // At most once: this was it.", '  if (job.claimed && now < 0) {')],
    seeds: 2000,
  },
  'closed-full-room': {
    leavesOut: 'a full room blocks the second reading that its jobs wait for',
    edits: [edit('partition.ts', '(this.rereadIndex < this.reread.length || !this.isRoomFull)', '!this.isRoomFull')],
    seeds: 2000,
  },
  'forget-redriven': {
    leavesOut: 'a successor does not know what was redriven',
    edits: [edit('marks.ts', 'if (redrive !== null) noteRedriven(partition, redrive.origin, redrive.burial);', '')],
    seeds: 2000,
  },
  'forget-pauses': {
    leavesOut: 'a successor does not know what is paused',
    edits: [edit('marks.ts', "  if (record.key.startsWith(PAUSE_PREFIX)) setPause(partition, record.key.slice(PAUSE_PREFIX.length), true);\n", '')],
    seeds: 2000,
  },
  'marks-let-go': {
    leavesOut: 'marks do not keep the retry frontier behind them',
    edits: [edit('marks.ts', 'partition.log.note(mark, offset, write.epoch, write.seq);', '')],
    seeds: 2000,
  },
  'marks-unanswered': {
    leavesOut: 'rule 7: what is written under the keys of marks is not answered',
    edits: [edit('readLog.ts', "  if (partition.phase === 'active') tellMarkTruth(partition, key, claimed);", "  if (partition.phase === 'active') return;")],
    seeds: 20_000,
  },
  'second-command-unanswered': {
    leavesOut: 'a redrive that was carried out is not marked again under the second command',
    edits: [edit('commands.ts', '  putMark(partition, mark);\n  const older', '  if (again) putApplied(partition, record.key);\n  else putMark(partition, mark);\n  const older')],
    seeds: 2000,
  },
  'unmarked-ids': {
    leavesOut: 'a job is settled before the mark of its id is read back',
    edits: [edit('settle.ts', '    if (job.uniqueForMs > 0 && isSealing(partition, job)) return;\n', ''), edit('settle.ts', 'const sealed = job.uniqueForMs === 0 || sealId(partition, job, now);', 'const sealed = job.uniqueForMs === 0 || sealId(partition, job, now) || true;')],
    seeds: null, unitTest: 'commands.test.ts', // its harm needs a crash between commit and mark: seed 3753; commands.test.ts has it
  },
  'cancel-answered-at-once': {
    leavesOut: 'a cancel is told as applied before it is durable',
    edits: [edit('commands.ts', '  partition.answers.set(job, record.key);\n  // One', '  putApplied(partition, record.key);\n  // One')],
    seeds: 20_000,
  },
  'gathered-in-a-pause': {
    leavesOut: 'what was gathered for a batch starts in spite of a pause',
    edits: [edit('commands.ts', 'if (on) partition.host.ungather((job) => job.lane.partition === partition && partition.pauses?.holds(job) === true);\n    else', 'if (!on)')],
    seeds: 4000,
  },
  'claimed-goes-last': {
    leavesOut: 'what is called back goes before what was settled before its start',
    edits: [edit('commands.ts', '  letClaimedGoFirst(revived);\n', '')],
    seeds: null, unitTest: 'commands.test.ts', // seed 6108; commands.test.ts has it
  },
  'cut-map': {
    leavesOut: "offsets beyond the commit's map are taken in",
    edits: [edit('intake.ts', 'if (record.offset >= partition.committedOffset + MAX_SPAN &&', 'if (record.offset < 0 &&')],
    seeds: null, // such gaps are rare here
    targeted: 'a job far above one that runs long',
  },
};

/** The source with the mutation's edits. @throws when it is not the source that the mutation knows */
export function mutate(name: string, file: string, source: string): string {
  let mutated = source;
  for (const one of mutations[name]?.edits ?? []) {
    if (one.file !== file) continue;
    if (mutated.split(one.find).length !== 2) throw new Error(`mutation ${name}: ${file} must hold once: ${one.find}`);
    mutated = mutated.replace(one.find, () => one.replace);
  }
  return mutated;
}
