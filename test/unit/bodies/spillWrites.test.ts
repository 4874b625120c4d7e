import { beforeEach, describe, expect, it } from 'vitest';
import { packBody } from '../../../shared/bodies/packBody.ts';
import { SpillWrites } from '../../../shared/bodies/spillWrites.ts';
import type { Job } from '../../../shared/engine/job.ts';
import { createVirtualClock, type VirtualClock } from '../../../shared/testing/index.ts';
import { MemorySpill } from './memorySpill.ts';

const owner = { id: 'a', kind: 'k' };
let clock: VirtualClock;
let disk: MemorySpill;
let spilled: Job[];
let refusals: number[];
let writes: SpillWrites;

beforeEach(() => {
  clock = createVirtualClock(0);
  disk = new MemorySpill();
  spilled = [];
  refusals = [];
  writes = new SpillWrites({
    openSpill: disk.open, clock, failed: (_error, againMs) => { refusals.push(againMs); },
    spilled: (jobs) => { for (const job of jobs) spilled.push(Object.assign(job, { body: null })); },
  });
});

const jobs = (count: number): Job[] => Array.from({ length: count }, () => ({ body: null, bodyBytes: 0, diskPlace: -1 }) as Job);
const valueOf = (index: number): Buffer => Buffer.from(`value ${index} `.repeat(1 + index % 7));
const textOf = (index: number): string => packBody({ value: valueOf(index), headers: undefined }, owner).text();
const gather = (all: readonly Job[]): boolean[] => all.map((job, index) => {
  const packed = packBody({ value: valueOf(index), headers: undefined }, owner);
  job.bodyBytes = packed.length;
  return writes.gather(job, packed);
});
/** Virtual time passes until so many bodies are on disk. */
const until = (count: number): Promise<unknown> => clock.runUntil(() => spilled.length === count);
const onDisk = (job: Job): string | undefined => disk.stored.get(job.diskPlace);

describe('bodies that are gathered to be written', () => {
  it('are written in few writes, each in its own place', async () => {
    const all = jobs(1000);
    expect(gather(all).every((taken) => taken)).toBe(true);
    await until(1000);
    expect(all.map(onDisk)).toEqual(all.map((_, index) => textOf(index)));
    expect(disk.writes).toBe(1);
    expect({ jobs: writes.jobs, bytes: writes.liveBytes }).toEqual({ jobs: 1000, bytes: all.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0) });
  });

  it('fill as many batches as they need, while one is written too', async () => {
    const all = jobs(3000);
    const long = Buffer.alloc(1500, 'x');
    for (const job of all) {
      const packed = packBody({ value: long, headers: undefined }, owner);
      job.bodyBytes = packed.length;
      expect(writes.gather(job, packed)).toBe(true);
    }
    await until(3000);
    expect(new Set(all.map(({ diskPlace }) => diskPlace)).size).toBe(3000);
    expect(disk.writes).toBe(5);
  });

  it('are at hand until they are written', async () => {
    const all = jobs(50);
    gather(all);
    expect(all.every(({ body, diskPlace }) => body === null && diskPlace < -1)).toBe(true);
    for (const [index, job] of all.entries()) {
      expect(writes.surface(job)).toBe(true);
      expect(job.body).toBe(textOf(index));
    }
    await until(50);
    expect(all.map((job) => writes.surface(job))).toEqual(all.map(() => false));
    expect(all.map(onDisk)).toEqual(all.map((_, index) => textOf(index)));
  });

  it('leave nothing on disk of those that nobody wants any more by then', async () => {
    const all = jobs(40);
    gather(all);
    const [early, late] = [all.slice(0, 10), all.slice(10, 20)];
    for (const job of early) writes.forget(job);
    expect(early.every(({ diskPlace }) => diskPlace === -1)).toBe(true);
    await Promise.resolve(); // the write is under way
    for (const job of late) writes.forget(job);
    await until(20);
    expect(spilled).toEqual(all.slice(20));
    expect(disk.stored.size).toBe(20);
    for (const job of spilled) writes.free(job);
    expect({ kept: disk.stored.size, freedTwice: disk.freedTwice, bytes: writes.liveBytes }).toEqual({ kept: 0, freedTwice: 0, bytes: 0 });
  });

  it('lie in their jobs while the disk is full, and go first when it is not any more', async () => {
    disk.full = true;
    const all = jobs(30);
    gather(all);
    await clock.runUntil(() => refusals.length === 1);
    expect(all.map(({ body, diskPlace }) => [body, diskPlace])).toEqual(all.map((_, index) => [textOf(index), -1]));
    const [refused] = jobs(1);
    expect(gather([refused as Job]), 'none is gathered meanwhile').toEqual([false]);
    for (const job of all.slice(0, 5)) writes.forget(job);
    disk.full = false;
    await until(25);
    expect(spilled.map(onDisk)).toEqual(all.slice(5).map((_, index) => textOf(index + 5)));
    expect(gather(jobs(1))).toEqual([true]);
    await until(26);
  });

  it('are no larger than a batch: a longer one is its job\'s to keep, and is written alone', async () => {
    const [job] = jobs(1) as [Job];
    const packed = packBody({ value: Buffer.alloc(2_000_000, 'x'), headers: undefined }, owner);
    expect(writes.gather(job, packed)).toBe(false);
    job.body = packed.text();
    job.bodyBytes = packed.length;
    writes.put(job);
    await until(1);
    expect(onDisk(job)?.length).toBe(packed.length);
  });
});
