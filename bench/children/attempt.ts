import { createConnection } from 'node:net';
import type { Journal } from '../check/journal.ts';
import { natureOf, type Load } from '../jobs/load.ts';
import { machineMs } from '../process/machineClock.ts';
import { GivenUp, type RunAttempt } from '../systems/system.ts';

export interface AttemptHooks {
  readonly journal: Journal;
  readonly started: (sequence: number) => void;
}

/** The measured handler, the same for every system: what it does is in the load. */
export function createAttempt(load: Load, { journal, started }: AttemptHooks): RunAttempt {
  const { workMs, sick = false, dependencyPort } = load;
  const end = (sequence: number, attempt: number, startMs: number): void => {
    const nature = sick ? natureOf(load, sequence) : 'sound';
    const endMs = workMs === 0 && dependencyPort === undefined ? startMs : machineMs();
    if (nature === 'dies') {
      journal.note(sequence, startMs, endMs, 'dead');
      throw new GivenUp('it will never work');
    }
    if (nature === 'fails-once' && attempt === 1) {
      journal.note(sequence, startMs, endMs, 'again');
      throw new Error('not this time');
    }
    journal.note(sequence, startMs, endMs, 'done');
  };
  const slowly = async (sequence: number, attempt: number): Promise<void> => {
    const startMs = machineMs();
    if (workMs > 0) await new Promise<void>((resolve) => { setTimeout(resolve, workMs); });
    if (dependencyPort !== undefined && !await ask(dependencyPort)) {
      journal.note(sequence, startMs, machineMs(), 'again');
      throw new Error('the dependency is down');
    }
    end(sequence, attempt, startMs);
  };
  return (sequence, attempt) => {
    started(sequence);
    if (workMs > 0 || dependencyPort !== undefined) return slowly(sequence, attempt);
    return end(sequence, attempt, machineMs());
  };
}

/** Asks what listens on the port, as a call to a service would; whether it answered. */
function ask(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    const answer = (answered: boolean) => (): void => { socket.destroy(); resolve(answered); };
    socket.once('data', answer(true)).once('error', answer(false)).once('close', answer(false));
    socket.setTimeout(5000, answer(false));
  });
}
