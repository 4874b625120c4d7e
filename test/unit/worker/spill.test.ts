import { beforeEach, describe, expect, test } from 'vitest';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { retry } from '../../../shared/jobs/outcome.ts';
import { readQueue } from '../../../shared/worker/readQueue.ts';
import type { Worker, WorkerOptions } from '../../../shared/worker/worker.ts';
import { MemorySpill } from '../bodies/memorySpill.ts';
import { createRig, type Rig } from './rig.ts';
import { jobV1, sampleJob as sample } from './sampleJob.ts';

/** Jobs of `a` wait behind a head that fails until the gate opens: the room fills with them. */
const JOBS = 600;
const OVER = 40_000;
let rig: Rig;
let spill: MemorySpill;
let gateOpen: boolean;
let ran: string[];
/** Most bytes of the room, and of jobs besides it, that a look found. */
let most: { room: number; full: number };

beforeEach(() => {
  rig = createRig(['work']);
  spill = new MemorySpill();
  gateOpen = false;
  ran = [];
  most = { room: 0, full: 0 };
});

const job = defineJob({
  kind: 'work.do', queue: 'work', schema: jobV1, key: (payload) => payload.note ?? '', retry: { attempts: 1000, backoff: { first: '1s', factor: 1 } },
  handle: (payload, ctx) => {
    if (payload.note === 'a' && payload.sequence === 0 && !gateOpen) return retry();
    ran.push(`${payload.note}${payload.sequence} ${ctx.key} ${ctx.enqueuedAt.getTime() > 0}`);
    return undefined;
  },
});

async function begin(options: Partial<WorkerOptions> = {}): Promise<Worker> {
  const payloads = Array.from({ length: JOBS }, (_, sequence) => sample(sequence, 'a'));
  await rig.settle(rig.client.enqueueMany(job, [...payloads, sample(0, 'b')]));
  return rig.startWorker([job], { spill: { open: spill.open, overBytes: OVER }, limits: { frontierPatienceMs: 10, roomBytes: 2 * OVER, intakeBytes: OVER }, ...options });
}

function look(worker: Worker): ReturnType<typeof readQueue> {
  const reading = readQueue(worker.runners[0] as Worker['runners'][0]);
  most = { room: Math.max(most.room, reading.roomBytes), full: Math.max(most.full, reading.roomsFull) };
  return reading;
}

const waitingIn = (worker: Worker): number => [...look(worker).waiting.values()].reduce((sum, count) => sum + count, 0);
const inOrder = [`b0 b true`, ...Array.from({ length: JOBS }, (_, sequence) => `a${sequence} a true`)];

describe('a waiting room with more than memory shall hold', () => {
  test('takes all of it in, keeps the rest on disk, and runs it in order', async () => {
    const worker = await begin();
    await rig.clock.runUntil(() => waitingIn(worker) === JOBS);
    expect(most.full, 'intake was never paused').toBe(0);
    expect(most.room).toBeLessThan(2 * OVER);
    expect(look(worker).spilledJobs).toBeGreaterThan(JOBS - OVER / 512);
    expect(rig.seen.filter((line) => line.startsWith('trouble'))).toEqual([]);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1 && look(worker).spilledJobs === 0);
    expect(ran).toEqual(inOrder);
    expect(spill.reads, 'bodies are read many at once').toBeLessThan(JOBS / 5);
    expect(most).toEqual({ room: expect.any(Number) as number, full: 0 });
    await rig.clock.runUntil(() => rig.cluster.inspect.committed('millrace.work', 'work', 0)?.offset === JOBS + 1);
    expect({ kept: spill.stored.size, freedTwice: spill.freedTwice }).toEqual({ kept: 0, freedTwice: 0 });
    await rig.settle(worker.stop());
    expect(spill.closed).toBe(1);
  });

  test('never fills a partition up, though the queue as a whole has memory left', async () => {
    const worker = await begin({ spill: { open: spill.open, overBytes: 1e9 } });
    await rig.clock.runUntil(() => waitingIn(worker) === JOBS);
    expect(most.full).toBe(0);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1);
    expect(ran).toEqual(inOrder);
    await rig.settle(worker.stop());
  });

  test('is rebuilt from Kafka by the next worker, which knows nothing of the file', async () => {
    const first = await begin();
    await rig.clock.runUntil(() => waitingIn(first) === JOBS);
    await rig.settle(first.stop());
    const left = spill;
    spill = new MemorySpill();
    const second = await rig.startWorker([job], { spill: { open: spill.open, overBytes: OVER }, limits: { frontierPatienceMs: 10, roomBytes: 2 * OVER } });
    await rig.clock.runUntil(() => second.ready);
    await rig.clock.runUntil(() => look(second).roomBytes <= OVER + 1000);
    expect(spill.stored.size).toBeGreaterThan(JOBS - OVER / 512);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1);
    expect(ran).toEqual(inOrder);
    expect(left.stored.size, 'of its first owner nothing is left').toBe(0);
    await rig.settle(second.stop());
  });

  test('is rebuilt with a full disk too, and goes there when there is room', async () => {
    const first = await begin();
    await rig.clock.runUntil(() => waitingIn(first) === JOBS);
    await rig.settle(first.stop());
    spill = new MemorySpill();
    spill.full = true;
    const second = await rig.startWorker([job], { spill: { open: spill.open, overBytes: OVER }, limits: { frontierPatienceMs: 10, roomBytes: 2 * OVER } });
    await rig.clock.runUntil(() => second.ready);
    expect(look(second).roomBytes).toBeGreaterThan(2 * OVER);
    spill.full = false;
    await rig.clock.runUntil(() => look(second).roomBytes <= OVER + 1000);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1 && look(second).spilledJobs === 0);
    expect(ran).toEqual(inOrder);
    expect({ kept: spill.stored.size, freedTwice: spill.freedTwice }).toEqual({ kept: 0, freedTwice: 0 });
    await rig.settle(second.stop());
  });

  test('pauses intake, and loses nothing, while the disk is full; when it is not any more, it goes on', async () => {
    const failures: number[] = [];
    spill.full = true;
    const worker = await begin({ observe: () => ({ ...silent, spillFailed: (_error: Error, againMs: number) => { failures.push(againMs); } }) });
    await rig.clock.runUntil(() => look(worker).roomsFull === 1);
    expect(waitingIn(worker)).toBeLessThan(JOBS);
    expect(most.room).toBeLessThan(2 * OVER + OVER);
    await rig.clock.runUntil(() => failures.length === 4);
    expect(failures).toEqual([1000, 2000, 4000, 8000]);
    spill.full = false;
    await rig.clock.runUntil(() => waitingIn(worker) === JOBS);
    expect(look(worker).roomsFull).toBe(0);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1);
    expect(ran).toEqual(inOrder);
    await rig.settle(worker.stop());
  });

  test('runs to the end with a full disk too, as it would with none: other entities wait', async () => {
    spill.full = true;
    const worker = await begin();
    await rig.clock.runUntil(() => look(worker).roomsFull === 1);
    expect(ran).toEqual([]);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1);
    expect(ran.filter((line) => line.startsWith('a'))).toEqual(inOrder.slice(1));
    await rig.settle(worker.stop());
  });

  test('moves what is wanted to the end of the store when that holds far more, so that the rest can be given back', async () => {
    const worker = await begin({ spill: { open: spill.open, overBytes: OVER, tidyFromBytes: 1 } });
    await rig.clock.runUntil(() => waitingIn(worker) === JOBS);
    const [before, kept] = [spill.lastPlace, spill.stored.size];
    spill.diskBytes = 1e9;
    await rig.clock.runUntil(() => [...spill.stored.keys()].every((place) => place > before));
    spill.diskBytes = 1;
    expect(spill.stored.size).toBe(kept);
    expect(most.full).toBe(0);
    gateOpen = true;
    await rig.clock.runUntil(() => ran.length === JOBS + 1 && look(worker).spilledJobs === 0);
    expect(ran).toEqual(inOrder);
    expect({ kept: spill.stored.size, freedTwice: spill.freedTwice }).toEqual({ kept: 0, freedTwice: 0 });
    await rig.settle(worker.stop());
  });

  test('is restored from Kafka when the disk gives back something else', async () => {
    const worker = await begin();
    await rig.clock.runUntil(() => waitingIn(worker) === JOBS);
    spill.damaged = true;
    gateOpen = true;
    await rig.clock.runUntil(() => rig.seen.filter((line) => line === 'p0 active').length > 1);
    spill.damaged = false;
    await rig.clock.runUntil(() => ran.length >= JOBS + 1 && ran.at(-1) === inOrder.at(-1));
    // What ended and was not durable yet runs again, in order.
    const firsts = ran.filter((line, index) => ran.indexOf(line) === index);
    expect(firsts).toEqual(inOrder);
    expect(rig.seen).not.toContain(expect.stringMatching(/^buried/) as never);
    await rig.settle(worker.stop());
  });
});

const silent = {
  attemptEnded: () => undefined, buried: () => undefined, attemptAbandoned: () => undefined, notice: () => undefined, commitFailed: () => undefined,
  schemaUnavailable: () => undefined, partitionsAssigned: () => undefined, partitionsLost: () => undefined, trouble: () => undefined,
};
