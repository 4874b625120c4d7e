import { describe, expect, it } from 'vitest';
import { plainPolicy, Solo } from './solo.ts';

const retry = { type: 'retry', afterMs: 100_000, failure: null } as const;
const dead = { type: 'dead', reason: 'dead', failure: null } as const;
const hold = { ...plainPolicy, kind: 'hold', whenBuried: 'hold' } as const;
const once = { ...plainPolicy, kind: 'once', attempts: 1, delivery: 'at-most-once' } as const;
const batch = { ...plainPolicy, kind: 'batch', batch: { maxSize: 2, maxWaitMs: 50 } } as const;

const told = (solo: Solo, type: string): number[] => solo.events.filter((event) => event.type === type).map((event) => event.job.offset);

describe('a redrive', () => {
  it('of one burial, asked for by two operators, runs the job once', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch().end(job, dead).flush();
    solo.command('redrive', job, `redrive/${job}/0`).command('redrive', job, `redrive/${job}/0`).flush();
    expect(solo.runningOffsets).toEqual([job]);
    solo.end(job).flush().command('redrive', job, `redrive/${job}/0`).flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.log.at(-1)).toMatchObject({ type: 'mark', key: `redrive/${job}/0` });
    expect(solo.partition.commands.size).toBe(0);
  });

  it('is remembered by a successor, and what is buried again may be redriven again', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch().end(job, dead).flush().command('redrive', job, `redrive/${job}/0`).flush().end(job, dead).flush();
    const next = solo.successor().command('redrive', job, `redrive/${job}/0`).flush();
    expect(next.runningOffsets).toEqual([]);
    next.command('redrive', job, `redrive/${job}/1`).flush();
    expect(next.runningOffsets).toEqual([job]);
    next.end(job).flush();
    expect([...next.partition.marks.keys()]).toEqual([`redrive/${job}/1`]);
    expect(next.successor().command('redrive', job, `redrive/${job}/0`).flush().runningOffsets).toEqual([]);
  });
});

describe('a letter that was written twice, for its owner was killed before the burial was settled', () => {
  it('is answered once, whichever of the two is redriven first', () => {
    for (const [first, second] of [[0, 1], [1, 0]] as const) {
      const solo = new Solo().open();
      const job = solo.enqueue('a');
      solo.fetch().end(job, dead).flush();
      const heir = solo.successor();
      heir.command('redrive', job, `redrive/${job}/${first}`, -1).flush().end(job).flush();
      heir.command('redrive', job, `redrive/${job}/${second}`, -1).flush();
      expect(heir.runningOffsets).toEqual([]);
      expect(heir.successor().command('redrive', job, `redrive/${job}/${second}`, -1).flush().runningOffsets).toEqual([]);
      expect(heir.partition.commands.size).toBe(0);
    }
  });

  it('does not stand in the way of the next burial, which names the redrive before it', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch().end(job, dead).flush().command('redrive', job, `redrive/${job}/0`, -1).flush().end(job, dead).flush();
    expect(solo.letters.map(({ redriven }) => redriven)).toEqual([-1, 0]);
    expect(solo.successor().command('redrive', job, `redrive/${job}/2`, 0).flush().runningOffsets).toEqual([job]);
  });
});

describe('a redrive into the lane of a job that was settled before its start', () => {
  it('runs behind it, for nobody else would ever run that', () => {
    const solo = new Solo([plainPolicy, once], { concurrency: 1 }).open();
    const buried = solo.enqueue('a', { kind: 'once' });
    solo.fetch().flush().end(buried, dead).flush();
    const claimed = solo.enqueue('a', { kind: 'once' });
    solo.fetch();
    const busy = solo.enqueue('b');
    solo.fetch().flush();
    expect(solo.runningOffsets).toEqual([busy]);
    solo.command('redrive', buried, `redrive/${buried}/0`).flush().end(busy);
    expect(solo.runningOffsets).toEqual([claimed]);
    solo.end(claimed).flush();
    expect(solo.runningOffsets).toEqual([buried]);
  });
});

describe('a cancel', () => {
  it('ends a job that waits, and lets the next of its entity run', () => {
    const solo = new Solo().open();
    const [first, second] = [solo.enqueue('a'), solo.enqueue('a')] as const;
    solo.fetch().end(first, retry).flush().command('cancel', first).flush();
    expect(told(solo, 'cancelled')).toEqual([first]);
    expect(solo.runningOffsets).toEqual([second]);
    expect(solo.partition.room.has(first)).toBe(false);
    expect(solo.partition.commands.size).toBe(0);
  });

  it('ends a scheduled, a held and a queued job', () => {
    const solo = new Solo([plainPolicy, hold]).open();
    const later = solo.enqueue('a', { notBeforeMs: solo.now + 60_000 });
    const [held, behind] = [solo.enqueue('b', { kind: 'hold' }), solo.enqueue('b', { kind: 'hold' })] as const;
    const [running, queued] = [solo.enqueue('c'), solo.enqueue('c')] as const;
    solo.fetch().end(held, dead).flush();
    solo.command('cancel', later).command('cancel', held).command('cancel', queued).flush();
    expect(told(solo, 'cancelled')).toEqual([later, held, queued]);
    expect(solo.runningOffsets.sort()).toEqual([behind, running].sort());
    solo.end(behind).end(running).flush();
    expect(solo.committedOffset).toBe(queued + 1);
  });

  it('asks a running job to stop: done is done, anything else is cancelled, and not tried again', () => {
    const solo = new Solo().open();
    const [stubborn, obedient, cutOff] = [solo.enqueue('a'), solo.enqueue('b'), solo.enqueue('c')] as const;
    solo.fetch().command('cancel', stubborn).command('cancel', obedient).command('cancel', cutOff).flush();
    expect(solo.effects.filter(({ type }) => type === 'cancel')).toHaveLength(3);
    solo.end(stubborn).end(obedient, { type: 'retry', afterMs: 0, failure: null }).end(cutOff, 'interrupted').later(1000).flush();
    expect(told(solo, 'done')).toEqual([stubborn]);
    expect(told(solo, 'cancelled')).toEqual([obedient, cutOff]);
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.partition.commands.size).toBe(0);
    expect(solo.committedOffset).toBe(cutOff + 1);
  });

  it('of a job that nobody read yet stands until it comes', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.command('cancel', job).flush();
    expect(solo.partition.commands.size).toBe(1);
    solo.fetch().flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(told(solo, 'cancelled')).toEqual([job]);
    expect(solo.partition.commands.size).toBe(0);
    expect(solo.committedOffset).toBe(job + 1);
  });

  it('of a job that is settled finds nothing', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch().end(job).flush().command('cancel', job).flush();
    expect(solo.effects).toContainEqual(expect.objectContaining({ notice: { type: 'command-applied', command: 'cancel', origin: job, found: false } }));
    expect(solo.partition.commands.size).toBe(0);
  });

  it('is not answered before its job is settled, so that a successor cancels it again', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fenced = true;
    solo.fetch().command('cancel', job).end(job, 'interrupted').flush();
    const next = solo.successor();
    expect(next.runningOffsets).toEqual([]);
    next.flush();
    expect(told(next, 'cancelled')).toEqual([job]);
  });

  it('takes a job out of a batch that is being gathered', () => {
    const solo = new Solo([batch]).open();
    const [one, two] = [solo.enqueue('a', { kind: 'batch' }), solo.enqueue('b', { kind: 'batch' })] as const;
    solo.engine.fetchedMain(0, [solo.main.at(one)], one + 1, solo.now);
    solo.start().command('cancel', one).flush();
    expect(told(solo, 'cancelled')).toEqual([one]);
    solo.fetch().later(50);
    expect(solo.runningOffsets).toEqual([two]);
  });
});

describe('run now', () => {
  it('makes a waiting job due, in its place', () => {
    const solo = new Solo().open();
    const [first, second] = [solo.enqueue('a'), solo.enqueue('a')] as const;
    solo.fetch().end(first, retry).flush().command('run-now', first).flush();
    expect(solo.runningOffsets).toEqual([first]);
    solo.end(first);
    expect(solo.runningOffsets).toEqual([second]);
  });

  it('holds for a successor, and for a scheduled job that comes later', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a', { notBeforeMs: solo.now + 1e6 });
    solo.command('run-now', job).fetch();
    expect(solo.runningOffsets).toEqual([job]);
    solo.flush();
    expect(solo.successor().runningOffsets).toEqual([job]);
  });
});

describe('a pause', () => {
  it('of a queue starts nothing, holds no commit, and resumes in order', () => {
    const solo = new Solo().open();
    solo.pause('queue');
    const [a1, b1, a2] = [solo.enqueue('a'), solo.enqueue('b'), solo.enqueue('a')] as const;
    solo.fetch().flush().later(1000).flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(solo.committedOffset).toBe(a2 + 1);
    expect(solo.events.filter((event) => event.type === 'waiting').map((event) => event.reason)).toEqual(['paused', 'paused', 'paused']);
    solo.pause('queue', false);
    expect(solo.runningOffsets).toEqual([a1, b1]);
    solo.end(a1);
    expect(solo.runningOffsets).toEqual([b1, a2]);
    solo.end(b1).end(a2).flush();
    expect([...solo.partition.marks]).toEqual([]);
    expect(solo.partition.pauses).toBeNull();
  });

  it('holds for successors until it is resumed', () => {
    const solo = new Solo().open().pause('key:a').flush();
    const [paused, other] = [solo.enqueue('a'), solo.enqueue('b')] as const;
    const next = solo.successor();
    expect(next.runningOffsets).toEqual([other]);
    next.pause('key:a', false).flush();
    expect(next.runningOffsets).toEqual([other, paused]);
    expect(next.successor().partition.pauses).toBeNull();
  });

  it('of a kind lets what runs end and other kinds run, and takes gathered jobs back', () => {
    const solo = new Solo([plainPolicy, batch]).open();
    const [running, gathered] = [solo.enqueue('a'), solo.enqueue('b', { kind: 'batch' })] as const;
    solo.fetch().pause('kind:batch').pause('kind:plain');
    const [same, more] = [solo.enqueue('a'), solo.enqueue('c')] as const;
    solo.fetch().later(1000).end(running);
    expect(solo.runningOffsets).toEqual([]);
    solo.pause('kind:plain', false);
    expect(solo.runningOffsets.sort()).toEqual([same, more].sort());
    solo.pause('kind:batch', false).later(50);
    expect(solo.runningOffsets).toContain(gathered);
  });

  it('leaves a job that was settled before its start alone', () => {
    const solo = new Solo([once]).open();
    const job = solo.enqueue('a', { kind: 'once' });
    solo.fenced = true;
    solo.fetch().flush().pause('queue');
    solo.fenced = false;
    solo.flush();
    expect(solo.runningOffsets).toEqual([job]);
  });

  it('survives a forged end of its mark and a doubled one', () => {
    const solo = new Solo().open().pause('queue').flush();
    const mark = solo.log.findLast((entry) => entry.type === 'mark');
    if (mark === undefined) throw new Error('it must be marked');
    solo.read({ ...mark, type: 'applied' });
    solo.flush();
    expect(solo.log.at(-1)).toMatchObject({ type: 'mark', key: 'pause/queue' });
    solo.read({ ...mark, type: 'foreign', control: true });
    solo.flush();
    expect(solo.log.at(-1)).toMatchObject({ type: 'mark', key: 'pause/queue' });
    expect(solo.successor().partition.pauses).not.toBeNull();
  });
});

describe('an id that may come again', () => {
  const unique = { id: 'x', uniqueForMs: 1000 };

  it('runs once while its job lives, and for its time after that', () => {
    const solo = new Solo().open();
    const [first, again] = [solo.enqueue('a', unique), solo.enqueue('a', unique)] as const;
    solo.fetch().end(first).flush();
    expect(solo.runningOffsets).toEqual([]);
    expect(told(solo, 'duplicate')).toEqual([again]);
    const late = solo.enqueue('a', unique);
    solo.later(999).fetch().flush();
    expect(told(solo, 'duplicate')).toEqual([again, late]);
    const new_ = solo.enqueue('a', unique);
    solo.later(2).fetch();
    expect(solo.runningOffsets).toEqual([new_]);
  });

  it('is marked before its job is committed', () => {
    const solo = new Solo().open();
    const first = solo.enqueue('a', unique);
    solo.refused.add('retry');
    solo.fetch().end(first).flush();
    expect(solo.committedOffset).toBe(first);
    solo.refused.clear();
    solo.later(500).flush();
    expect(solo.committedOffset).toBe(first + 1);
    const next = solo.successor();
    next.enqueue('a', unique);
    next.fetch().flush();
    expect(next.runningOffsets).toEqual([]);
  });

  it('does not drop the job itself when a crash repeats it', () => {
    const solo = new Solo().open();
    const first = solo.enqueue('a', unique);
    solo.fetch().end(first);
    solo.fenced = true;
    solo.flush();
    expect(solo.log.at(-1)).toMatchObject({ type: 'mark', key: 'seen/x' });
    expect(solo.successor().runningOffsets).toEqual([first]);
  });

  it('is kept by a job that waits in the room of a successor', () => {
    const solo = new Solo().open();
    const first = solo.enqueue('a', unique);
    solo.fetch().end(first, retry).later(1000).flush();
    const next = solo.successor();
    const again = next.enqueue('a', unique);
    next.fetch().flush();
    expect(told(next, 'duplicate')).toEqual([again]);
    next.later(200_000);
    expect(next.runningOffsets).toEqual([first]);
  });

  it('is forgotten when its time is over, and the oldest early when there are too many', () => {
    const solo = new Solo([plainPolicy], { rememberedIds: 2 }).open();
    for (const id of ['x', 'y', 'z']) {
      const offset = solo.enqueue(id, { id, uniqueForMs: 1000 });
      solo.fetch().end(offset).flush();
    }
    expect([...solo.partition.marks.keys()]).toEqual(['seen/y', 'seen/z']);
    expect(solo.effects).toContainEqual(expect.objectContaining({ notice: { type: 'ids-forgotten', ids: 1 } }));
    solo.later(1001).flush().flush();
    expect(solo.partition.marks.size).toBe(0);
    expect(solo.partition.log.liveCount).toBe(0);
  });

  it('keeps a lane settling in order: no successor is committed before its mark is there', () => {
    const solo = new Solo().open();
    const [first, second] = [solo.enqueue('a', unique), solo.enqueue('a')] as const;
    solo.refused.add('retry');
    solo.fetch().end(first).end(second).flush();
    expect(solo.committedOffset).toBe(first);
    expect(solo.committedMain?.metadata ?? 'm1').toBe('m1');
  });
});

describe('tens of thousands of commands', () => {
  it('about jobs that are yet to come take no time that grows with their square', () => {
    const solo = new Solo().open();
    const from = solo.partition.log.position;
    const nothing = { timestampMs: 0, id: 'x', kind: 'plain', policy: plainPolicy, key: 'a', value: null, headers: undefined, bytes: 1, notBeforeMs: 0, uniqueForMs: 0, fault: null };
    const beganMs = performance.now();
    for (let at = 0; at < 40_000; at += 1000) {
      const records = Array.from({ length: 1000 }, (_, n) => ({ type: 'command', command: 'cancel', offset: from + at + n, key: `cancel/${at + n}`, job: { ...nothing, offset: 1_000_000 + at + n }, firstFailure: null, redriven: null }) as const);
      solo.engine.fetchedRetry(solo.partition.number, records, from + at + 1000, solo.now);
    }
    expect(solo.partition.commands.size).toBe(40_000);
    expect(performance.now() - beganMs).toBeLessThan(5000); // more than half a minute, where each command looks at all that stand
  });
});

describe('what an attempt says', () => {
  it('of its progress is told once a flush, the last word only', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch();
    const running = solo.running[0];
    if (running === undefined) throw new Error('it must run');
    for (const progress of [0.1, 0.2]) solo.partition.progress.set(running, { progress, note: 'n', result: null });
    solo.flush().flush();
    expect(solo.events.filter((event) => event.type === 'progress').map((event) => event.words)).toEqual([{ progress: 0.2, note: 'n', result: null }]);
    solo.end(job, { type: 'done', result: '{"sum":3}' }).flush();
    expect(solo.events.at(-1)).toMatchObject({ type: 'done', words: { result: '{"sum":3}' } });
  });

  it('of a lock that somebody else has makes it wait for reason `locked`, without an attempt', () => {
    const solo = new Solo().open();
    const job = solo.enqueue('a');
    solo.fetch().end(job, { type: 'snooze', forMs: 5000, reason: 'locked' }).later(1000).flush();
    expect(solo.log.at(-1)).toMatchObject({ type: 'wait', reason: 'locked', attempt: 0 });
    solo.later(4000);
    expect(solo.runningOffsets).toEqual([job]);
  });
});
