import { helperOf, type Survivor, type Tour } from './leg.ts';
import type { Program } from './armedProcess.ts';

const SESSION_MS = 10_000;

/** Starts the worker that goes on where others die: a program of the stage's own, else the scenarios' worker. Returns when it is a member of the group. */
export async function startSurvivor(tour: Tour, workerId: string, program: ((tour: Tour) => Program) | undefined): Promise<Survivor> {
  const { scene } = tour;
  if (program === undefined) {
    const worker = await scene.startWorker({ workerId, sessionTimeoutMs: SESSION_MS });
    return { stop: () => scene.stop(worker) };
  }
  const helper = helperOf(tour, workerId, program(tour), { sessionTimeoutMs: SESSION_MS });
  await scene.until(`${workerId} to be ready`, () => helper.ready || !helper.alive);
  return {
    async stop() {
      helper.signal('SIGTERM');
      await helper.ended;
      if (helper.wrong !== null) throw new Error(helper.wrong);
    },
  };
}
