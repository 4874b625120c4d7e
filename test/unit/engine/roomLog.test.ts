import { describe, expect, it } from 'vitest';
import { RoomLog, type LoggedThing } from '../../../shared/engine/roomLog.ts';

const thing = (): LoggedThing => ({ logOffset: -1, logEpoch: 0, logSeq: 0 });

describe('which records of the retry log count', () => {
  it('counts a zombie’s record for nothing once a higher lease stands before it', () => {
    const log = new RoomLog(0, { epoch: 1, seq: 0 });
    expect(log.judge({ epoch: 1, seq: 1 })).toBe('valid');
    log.lease(2, 'w2');
    expect(log.judge({ epoch: 1, seq: 2 })).toBe('zombie');
    expect(log.judge({ epoch: 2, seq: 1 })).toBe('valid');
  });

  it('counts a doubled or late write once', () => {
    const log = new RoomLog(0, { epoch: 1, seq: 0 });
    expect([1, 2, 2, 1, 3].map((seq) => log.judge({ epoch: 1, seq }))).toEqual(['valid', 'valid', 'stale', 'stale', 'valid']);
  });

  it('lets the first of two leases with one epoch win', () => {
    const log = new RoomLog(0, { epoch: 0, seq: 0 });
    expect([log.lease(1, 'w1'), log.lease(1, 'w2')]).toEqual([true, false]);
    expect(log.holder).toBe('w1');
  });
});

describe('an epoch that leaps', () => {
  it('is a forger’s, in a word and in a lease, however large', () => {
    const log = new RoomLog(7, { epoch: 3, seq: 2 });
    expect(log.judge({ epoch: 100_000, seq: 1 })).toBe('zombie');
    expect(log.lease(2 ** 48, 'forger')).toBe(false);
    expect(log.judge({ epoch: 3, seq: 3 })).toBe('valid');
    expect(log.lease(4, 'w2')).toBe(true);
  });

  it('is believed once where the commit that told it was lost, so that a log of many reigns can still be read', () => {
    const log = new RoomLog(7, null);
    expect(log.judge({ epoch: 2 ** 48, seq: 1 })).toBe('zombie');
    expect(log.judge({ epoch: 50_000, seq: 9 })).toBe('valid');
    expect(log.judge({ epoch: 100_000, seq: 1 })).toBe('zombie');
    expect(log.lease(50_001, 'w2')).toBe(true);
  });

  it('is not believed at the start of a log, before which there was nothing', () => {
    expect(new RoomLog(0, null).judge({ epoch: 50_000, seq: 9 })).toBe('zombie');
  });
});

describe('from where a successor must read', () => {
  it('is the oldest record that still counts, with the epoch and sequence in force just before it', () => {
    const log = new RoomLog(50, { epoch: 2, seq: 9 });
    const old = thing();
    const young = thing();
    log.note(old, 10, 1, 4);
    log.note(young, 20, 2, 7);
    expect(log.frontier()).toEqual({ offset: 10, point: { epoch: 1, seq: 3 } });
    log.note(old, 30, 2, 8);
    expect(log.frontier()).toEqual({ offset: 20, point: { epoch: 2, seq: 6 } });
    log.forget(old);
    log.forget(young);
    expect(log.frontier()).toEqual({ offset: 50, point: { epoch: 2, seq: 9 } });
    expect(log.liveCount).toBe(0);
  });
});
