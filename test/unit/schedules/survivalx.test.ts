import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMillrace, defineJob, type Millrace } from 'millrace';
import { createMemoryCluster, createMemoryRegistry, createProcessClock, createVirtualClock, seededRandom, type ProcessClock } from 'millrace/testing';
import type { Broker } from '../../../shared/kafka/port.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

const START = Date.UTC(2026, 0, 1);
const EVERY_MS = 5000;

type Step = { readonly what: 'start' | 'kill' | 'stop' | 'freeze' | 'cut' | 'expel'; readonly which: number; readonly forMs: number; readonly afterMs: number };

/** A scheduler process in the test's time. */
interface Process { readonly millrace: Millrace; readonly broker: Broker; readonly clock: ProcessClock; gone: boolean }

const steps = fc.array(fc.record({
  what: fc.constantFrom<Step['what']>('start', 'start', 'kill', 'stop', 'freeze', 'cut', 'expel'), which: fc.nat(5), forMs: fc.integer({ min: 100, max: 20_000 }), afterMs: fc.integer({ min: 0, max: 12_000 }),
}), { minLength: 1, maxLength: 12 });

async function live(seed: number, plan: readonly Step[], overlap: 'allow-all' | 'buffer-all') {
  const clock = createVirtualClock(START);
  const cluster = createMemoryCluster({ clock, random: seededRandom(seed) });
  const registry = createMemoryRegistry();
  const open = (number: number): Process => {
    const own = createProcessClock(clock);
    const broker = cluster.broker();
    const millrace = createMillrace({
      brokers: [], registryUrl: '', broker, registry, clock: own, random: seededRandom(seed * 100 + number), topics: { partitions: 2, replicationFactor: 1 },
      logger: createLogger({ level: 'silent', service: 'test', clock: own }),
    });
    return { millrace, broker, clock: own, gone: false };
  };
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    const watched = promise.finally(() => { over = true; });
    watched.catch(() => undefined);
    await clock.runUntil(() => over, { maxMs: 600_000 });
    return watched;
  };

  const base = open(0);
  const ran: number[] = [];
  const running = new Set<string>();
  let overlaps = 0;
  const job = defineJob({
    kind: 'tick', queue: 'ticks', schema: jobV1, key: null, order: 'none',
    async handle(_payload, { id }) {
      ran.push(Date.parse(id.slice(id.indexOf('@') + 1)));
      overlaps += running.size > 0 ? 1 : 0;
      running.add(id);
      await new Promise<void>((resolve) => { clock.after(3000, resolve); });
      running.delete(id);
    },
  });
  await settle(base.millrace.work([job]));
  await settle(base.millrace.schedules.put({ name: 's', every: '5s', job, payload: sampleJob(1), overlap }));

  const processes: Process[] = [];
  const start = (): void => {
    const process = open(processes.length + 1);
    processes.push(process);
    process.millrace.runScheduler({ sessionTimeoutMs: 6000 }).catch(() => undefined);
  };
  start();
  for (const { what, which, forMs, afterMs } of plan) {
    await clock.advance(afterMs);
    const process = processes[which % processes.length];
    if (what === 'start') { if (processes.filter(({ gone }) => !gone).length < 4) start(); continue; }
    if (process === undefined || process.gone) continue;
    switch (what) {
      case 'kill':
        process.gone = true;
        cluster.faults.kill(process.broker);
        process.clock.freeze();
        break;
      case 'stop':
        process.gone = true;
        void process.millrace.close();
        break;
      case 'freeze':
        cluster.faults.freeze(process.broker);
        process.clock.freeze();
        clock.after(forMs, () => { if (!process.gone) { process.clock.thaw(); cluster.faults.thaw(process.broker); } });
        break;
      case 'cut':
        cluster.faults.disconnect(process.broker);
        clock.after(forMs, () => { if (!process.gone) cluster.faults.reconnect(process.broker); });
        break;
      case 'expel':
        cluster.faults.expel(process.broker);
    }
  }
  start();
  await clock.advance(600_000);
  const untilMs = clock.now() - 15_000;
  await clock.advance(30_000);
  return { ran: ran.filter((tick) => tick <= untilMs), expected: Math.floor((untilMs - START) / EVERY_MS), overlaps, late: ran.length };
}

it.each(['allow-all', 'buffer-all'] as const)('%s: runs each tick once, whichever schedulers are killed, frozen, cut off, or put out of the group', async (overlap) => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), steps, async (seed, plan) => {
    const { ran, expected, overlaps } = await live(seed, plan, overlap);
    expect(ran.toSorted((a, b) => a - b)).toEqual(Array.from({ length: expected }, (_, index) => START + (index + 1) * EVERY_MS));
    if (overlap === 'buffer-all') {
      expect(overlaps).toBe(0);
      expect(ran).toEqual(ran.toSorted((a, b) => a - b));
    }
  }), { numRuns: 250 });
}, 600_000);
