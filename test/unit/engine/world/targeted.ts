import { leaseWrite } from '../../../../shared/engine/room.ts';
import { plainPolicy, Solo } from '../solo.ts';
import { BLANK, type LogEntry } from './retryLog.ts';

const retry = { type: 'retry', afterMs: 100, failure: null } as const;
const FAR_MS = 1e12;

const entry = (offset: number, change: Partial<LogEntry>): LogEntry => ({
  ...BLANK, offset, type: 'wait', reason: 'retry', age: 0, valid: true, ...change,
});
/** With the key that the engine itself gives to such a lease. */
const leaseEntry = (offset: number, epoch: number, holder: string): LogEntry => entry(offset, { type: 'lease', key: leaseWrite(epoch, holder).key, epoch, holder });
const endOf = (log: readonly LogEntry[]): number => (log.at(-1)?.offset ?? -1) + 1;

/** One pass of the cleaner, long after all this was written, and before nulls may go. */
function compact(log: readonly LogEntry[]): LogEntry[] {
  const last = new Map(log.map((one) => [`${one.type === 'lease'} ${one.key}`, one]));
  return log.filter((one) => last.get(`${one.type === 'lease'} ${one.key}`) === one);
}

/** Who owns the partition after {@link dead}, which ended as it stood. */
function heirOf(dead: Solo): Solo {
  const heir = new Solo([plainPolicy]);
  for (const record of dead.main.entries) heir.main.add(record);
  heir.log.push(...compact(dead.log));
  heir.now = dead.now;
  return heir.open(endOf(dead.log), { offset: dead.committedOffset, metadata: dead.committedMetadata }, dead.committedRetry).fetch();
}

/**
 * Histories written by hand, for rules whose absence chance alone hardly ever punishes: each needs several rare things in one order. Each
 * tells what went wrong, or null; with the rule, nothing does.
 */
export const targeted: Readonly<Record<string, () => string | null>> = {
  'a settled job, a commit that lags, and a zombie that speaks of the job': () => {
    const owner = new Solo([plainPolicy]);
    owner.log.push(leaseEntry(0, 1, 'zombie'));
    owner.open(1);
    const [, job, other] = [owner.enqueue('b'), owner.enqueue('a'), owner.enqueue('c')];
    owner.fetch().end(other).flush();
    owner.fenced = true; // from here on commits are refused, as they are while a group cannot come to rest
    owner.end(job, retry).flush().later(100).end(job).flush();
    owner.hear(entry(endOf(owner.log), { key: `j${job}`, origin: job, epoch: 1, seq: 1 })).flush();
    return heirOf(owner).runningOffsets.includes(job) ? `job ${job} was settled, and started again` : null;
  },

  'a lease that lands after a higher one': () => {
    const owner = new Solo([plainPolicy]);
    const scheduled = owner.enqueue('a', { notBeforeMs: FAR_MS });
    owner.log.push(leaseEntry(0, 1, 'first'), entry(1, { key: `j${scheduled}`, origin: scheduled, epoch: 1, seq: 1, reason: 'scheduled', dueMs: FAR_MS }), leaseEntry(2, 2, 'second'));
    owner.open(3, { offset: scheduled + 1, metadata: '' });
    // Two saw the first one's epoch, and both leased with the next; this one's was on the wire for long.
    owner.hear(leaseEntry(endOf(owner.log), 2, 'late')).flush();
    const heir = heirOf(owner);
    return heir.partition.epoch > owner.partition.epoch ? null : `two owners in turn act with fence ${heir.partition.epoch}`;
  },

  'a job far above one that runs long': () => {
    const owner = new Solo([plainPolicy]).open();
    owner.enqueue('b');
    const far = owner.enqueue('a', { offset: 24_500 });
    owner.fetch().flush();
    if (owner.runningOffsets.includes(far)) owner.end(far).flush();
    else return null;
    return heirOf(owner).runningOffsets.includes(far) ? `job ${far} was settled by a commit, and started again` : null;
  },
};
