import type { WorkerProcess } from '../../guarantees/process/workerProcess.ts';
import type { Dice, Fault, FaultInForce } from '../fault.ts';
import type { Fleet } from './fleet.ts';
import type { WorkerStage } from './workerStage.ts';

const nothing: FaultInForce = { what: 'no worker is free', missed: true, heal: () => Promise.resolve() };

/** A free worker, held until the fault ends. */
function take(fleet: Fleet, dice: Dice): WorkerProcess | null {
  if (fleet.free.length === 0) return null;
  const worker = dice.pick(fleet.free);
  fleet.hold(worker);
  return worker;
}

const kill: Fault<WorkerStage> = {
  name: 'kill worker',
  forMs: [0, 15_000],
  weight: 2,
  async begin({ fleet }, dice) {
    const worker = take(fleet, dice);
    if (worker === null) return nothing;
    await fleet.kill(worker);
    return { what: `SIGKILL of ${worker.workerId}`, heal: () => fleet.fill() };
  },
};

const killAll: Fault<WorkerStage> = {
  name: 'kill all workers',
  forMs: [0, 8000],
  weight: 0.5,
  async begin({ fleet }) {
    const workers = [...fleet.free];
    if (workers.length === 0) return nothing;
    await Promise.all(workers.map((worker) => fleet.kill(worker)));
    return { what: `SIGKILL of ${workers.map(({ workerId }) => workerId).join(', ')}`, heal: () => fleet.fill() };
  },
};

/** Mostly longer than a session: its partitions get another owner, and it wakes as a zombie. */
const freeze: Fault<WorkerStage> = {
  name: 'freeze worker',
  forMs: [4000, 25_000],
  weight: 2,
  async begin({ fleet }, dice) {
    const worker = take(fleet, dice);
    if (worker === null) return nothing;
    fleet.freeze(worker);
    return {
      what: `SIGSTOP of ${worker.workerId}`,
      heal: () => {
        fleet.thaw(worker);
        fleet.release(worker);
        return Promise.resolve();
      },
    };
  },
};

const BLOCK_MS = 40_000;

const block: Fault<WorkerStage> = {
  name: 'block event loop',
  forMs: [BLOCK_MS + 500, BLOCK_MS + 500],
  weight: 0.5,
  async begin({ fleet }, dice) {
    const worker = take(fleet, dice);
    if (worker === null) return nothing;
    fleet.block(worker, BLOCK_MS);
    return {
      what: `the event loop of ${worker.workerId} is busy for ${BLOCK_MS / 1000} s`,
      heal: () => {
        fleet.release(worker);
        return Promise.resolve();
      },
    };
  },
};

const HOUR_MS = 3_600_000;

const jump: Fault<WorkerStage> = {
  name: 'wall clock jump',
  forMs: [3000, 20_000],
  async begin({ fleet }, dice) {
    const worker = take(fleet, dice);
    if (worker === null) return nothing;
    const toMs = dice.pick([HOUR_MS, -HOUR_MS]);
    fleet.jump(worker, toMs);
    return {
      what: `the wall clock of ${worker.workerId} is an hour ${toMs > 0 ? 'fast' : 'slow'}`,
      heal: () => {
        fleet.jump(worker, 0);
        fleet.release(worker);
        return Promise.resolve();
      },
    };
  },
};

/** As a rolling deploy does: one by one, each stopped cleanly and replaced. Its healing is its end. */
const deploy: Fault<WorkerStage> = {
  name: 'deploy',
  forMs: [0, 0],
  async begin({ fleet }) {
    const old = [...fleet.free];
    if (old.length === 0) return nothing;
    for (const worker of old) fleet.hold(worker);
    return {
      what: `${old.map(({ workerId }) => workerId).join(', ')} stopped and replaced, one by one`,
      async heal() {
        for (const worker of old) {
          if (worker.alive) await fleet.stop(worker);
          await fleet.fill();
        }
      },
    };
  },
};

const scaleDown: Fault<WorkerStage> = {
  name: 'one worker less',
  forMs: [2000, 12_000],
  async begin({ fleet }, dice) {
    const worker = take(fleet, dice);
    if (worker === null) return nothing;
    const stopped = fleet.stop(worker);
    return {
      what: `${worker.workerId} is stopped cleanly`,
      async heal() {
        await stopped;
        await fleet.fill();
      },
    };
  },
};

const scaleUp: Fault<WorkerStage> = {
  name: 'two workers more',
  forMs: [4000, 15_000],
  async begin({ fleet }) {
    const more = [fleet.hire(), fleet.hire()];
    for (const worker of more) fleet.hold(worker);
    return {
      what: `${more.map(({ workerId }) => workerId).join(' and ')} join, and leave later`,
      async heal() {
        for (const worker of more) if (worker.alive) await fleet.stop(worker);
      },
    };
  },
};

/** What can happen to workers. */
export const workerFaults: readonly Fault<WorkerStage>[] = [kill, killAll, freeze, block, jump, deploy, scaleDown, scaleUp];
