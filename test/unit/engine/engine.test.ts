import { describe, expect, it } from 'vitest';
import { plainPolicy, Solo } from './solo.ts';

const retry = { type: 'retry', afterMs: 100, failure: null } as const;
const dead = { type: 'dead', reason: 'dead', failure: null } as const;
const once = { ...plainPolicy, kind: 'once', attempts: 1, delivery: 'at-most-once' } as const;
const hold = { ...plainPolicy, kind: 'hold', whenBuried: 'hold' } as const;

describe('strict order', () => {
  it('keeps a lane closed while its head waits for a retry, and lets other entities pass', () => {
    const solo = new Solo().open();
    const [first, second, other] = [solo.enqueue('a'), solo.enqueue('a'), solo.enqueue('b')] as const;
    solo.fetch().end(first, retry).end(other).flush();
    expect(solo.runningOffsets).toEqual([]);
    solo.later(99);
    expect(solo.runningOffsets).toEqual([]);
    solo.later(1);
    expect(solo.runningOffsets).toEqual([first]);
    solo.end(first);
    expect(solo.runningOffsets).toEqual([second]);
  });

  it('opens the lane behind a buried job only when the dead-letter topic has it', () => {
    const solo = new Solo().open();
    const [first, second] = [solo.enqueue('a'), solo.enqueue('a')] as const;
    solo.refused.add('dlq');
    solo.fetch().end(first, dead).flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.committedOffset).toBe(first);
    solo.refused.clear();
    solo.later(10_000).flush();
    expect(solo.letters.map((letter) => letter.job.offset)).toEqual([first]);
    expect(solo.runningOffsets).toEqual([second]);
    expect(solo.committedOffset).toBe(second);
  });

  it('holds the lane of a buried head where the policy says so, and commits past it', () => {
    const solo = new Solo([hold]).open();
    const [first, second] = [solo.enqueue('a', { kind: 'hold' }), solo.enqueue('a', { kind: 'hold' })] as const;
    solo.fetch().end(first, dead).flush().later(60_000).flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.partition.room.get(first)?.state).toBe('held');
    expect(solo.partition.room.get(second)?.room).toBe('in');
    expect(solo.committedOffset).toBe(second + 1);
  });
});

describe('a dead letter', () => {
  it('tells the first failure and the last, whoever owned the partition in between', () => {
    const failing = (code: string) => ({ type: 'retry', afterMs: 100, failure: { code, name: 'Error', message: code, at: 1 } }) as const;
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch().end(job, failing('FIRST')).flush();
    const next = solo.successor();
    next.later(100).end(job, failing('SECOND')).flush().later(100).end(job, failing('THIRD')).flush();
    expect(next.letters.map((letter) => [letter.failure?.code, letter.job.firstFailure?.code])).toEqual([['THIRD', 'FIRST']]);
  });
});

describe('what is refused', () => {
  it('leaves the record uncommitted while the retry topic refuses it, and heals', () => {
    const solo = new Solo().open();
    const offset = solo.enqueue('a');
    solo.refused.add('retry');
    solo.fetch().end(offset, retry).flush().later(60_000);
    expect(solo.committedOffset).toBe(offset);
    expect(solo.effects).toContainEqual(expect.objectContaining({ type: 'notice', notice: expect.objectContaining({ type: 'publish-refused', stream: 'retry' }) as unknown }));
    solo.refused.clear();
    solo.end(offset).flush().later(10_000).flush();
    expect(solo.committedOffset).toBe(offset + 1);
    expect(solo.partition.room.size).toBe(0);
  });

  it('commits nothing whose event is not acked', () => {
    const solo = new Solo().open();
    const offset = solo.enqueue('a');
    solo.refused.add('events');
    solo.fetch().end(offset).flush();
    expect(solo.committedOffset).toBe(offset);
    solo.refused.clear();
    solo.later(10_000).flush();
    expect(solo.committedOffset).toBe(offset + 1);
  });

  it('starts nothing while the group refuses the commit that proves ownership', () => {
    const solo = new Solo();
    solo.enqueue('a');
    solo.fenced = true;
    solo.open();
    expect(solo.partition.phase).toBe('confirming');
    solo.fenced = false;
    solo.flush();
    expect(solo.partition.phase).toBe('active');
  });
});

describe('at most once', () => {
  it('starts only when its settlement is committed', () => {
    const solo = new Solo([once]).open();
    const offset = solo.enqueue('a', { kind: 'once' });
    solo.fenced = true;
    solo.fetch().flush();
    expect(solo.runningOffsets).toEqual([]);
    solo.fenced = false;
    solo.flush();
    expect(solo.runningOffsets).toEqual([offset]);
    expect(solo.committedOffset).toBe(offset + 1);
  });

  it('buries an interrupted attempt instead of running it again', () => {
    const solo = new Solo([once]).open();
    const offset = solo.enqueue('a', { kind: 'once' });
    solo.fetch().flush().end(offset, 'interrupted').flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.letters).toMatchObject([{ reason: 'attempts', failure: { code: 'INTERRUPTED' } }]);
    expect(solo.partition.running).toBe(0);
  });

  it('is seen through by a drain when it was parked for its schema', () => {
    const solo = new Solo([once]).open();
    const offset = solo.enqueue('a', { kind: 'once' });
    solo.fetch().flush();
    const [job] = solo.running.splice(0);
    if (job === undefined) throw new Error('it must run');
    solo.engine.park(job);
    solo.engine.revoke(0);
    solo.flush();
    expect(solo.effects).not.toContainEqual({ type: 'drained', partition: 0 });
    solo.engine.unpark(job);
    solo.start().end(offset).flush();
    expect(solo.effects).toContainEqual({ type: 'drained', partition: 0 });
  });
});

describe('batches', () => {
  const batch = { ...plainPolicy, kind: 'batch', batch: { maxSize: 3, maxWaitMs: 50 } };

  it('start when full, or when the first has waited long enough, with one job of an entity', () => {
    const solo = new Solo([batch]).open();
    const [first, again, other] = ['a', 'a', 'b'].map((key) => solo.enqueue(key, { kind: 'batch' })) as [number, number, number];
    solo.fetch();
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.engine.nextTickMs()).toBe(solo.now + 50);
    solo.later(50);
    expect(solo.runningOffsets).toEqual([first, other]);
    solo.end(first).later(50);
    expect(solo.runningOffsets).toEqual([other, again]);
  });

  it('ask for no tick while no slot is free, so that a busy worker does not spin', () => {
    const solo = new Solo([plainPolicy, batch], { concurrency: 2 }).open();
    solo.enqueue('a', { kind: 'batch' });
    const [one, two] = ['b', 'c'].map((key) => solo.enqueue(key)) as [number, number];
    solo.fetch();
    expect(solo.runningOffsets).toEqual([one, two]);
    solo.later(60);
    expect(solo.engine.nextTickMs()).toBeNull();
    solo.end(one);
    expect(solo.runningOffsets).toEqual([two, 0]);
  });
});

describe('bounds', () => {
  it('goes on behind a gap wider than a commit can map', () => {
    const solo = new Solo().open();
    const near = solo.enqueue('a');
    const far = solo.enqueue('b', { offset: 100_000 });
    solo.fetch();
    expect(solo.runningOffsets).toEqual([near]);
    solo.end(near).flush();
    expect(solo.runningOffsets).toEqual([far]);
    solo.end(far).flush();
    expect(solo.committedOffset).toBe(far + 1);
  });

  it('stands still, and commits nothing, when the log begins anew below what was read', () => {
    const solo = new Solo().open();
    const jobs = [solo.enqueue('a'), solo.enqueue('b')];
    solo.fetch();
    for (const job of jobs) solo.end(job);
    solo.flush();
    expect(solo.committedOffset).toBe(2);
    solo.engine.fetchedMain(0, [solo.main.at(0)], 1, solo.now);
    solo.start().flush();
    expect([solo.runningOffsets, solo.committedOffset, solo.partition.phase]).toEqual([[], 2, 'stopped']);
    expect(solo.effects).toContainEqual(expect.objectContaining({ notice: { type: 'log-shorter', position: 2, found: 0 } }));
  });

  it('goes on behind such a gap when all before it was committed long ago', () => {
    const solo = new Solo().open();
    const near = solo.enqueue('a');
    solo.fetch().end(near).flush();
    const far = solo.enqueue('b', { offset: 100_000 });
    solo.fetch().flush();
    expect(solo.runningOffsets).toEqual([far]);
  });

  it('goes on when nothing but control records came for longer than a commit can map', () => {
    const solo = new Solo().open();
    solo.fetch(50_000).flush().fetch(100_000).flush();
    const offset = solo.enqueue('a', { offset: 100_000 });
    solo.fetch();
    expect(solo.runningOffsets).toEqual([offset]);
  });

  it('moves the commit past an attempt that outlasts the patience', () => {
    const solo = new Solo([plainPolicy], { frontierPatienceMs: 1000 }).open();
    const [slow, quick] = [solo.enqueue('a'), solo.enqueue('b')] as const;
    solo.fetch().end(quick).flush();
    expect(solo.committedOffset).toBe(slow);
    solo.later(1000).flush();
    expect(solo.committedOffset).toBe(quick + 1);
    expect(solo.log.at(-1)).toMatchObject({ type: 'wait', origin: slow, reason: 'running' });
  });
});
