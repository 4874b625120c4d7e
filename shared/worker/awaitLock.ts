import type { Engine } from '../engine/engine.ts';
import type { Job } from '../engine/job.ts';
import type { FetchedRecord } from '../kafka/port.ts';
import type { Freed } from '../locks/lockTable.ts';
import type { QueueRunnerOptions } from './queueRunnerOptions.ts';

/** The job waits for a lock: it looks again when it is due, or when its turn comes before; `woken` is called then. */
export function awaitLock({ engine, options }: { readonly engine: Engine<FetchedRecord>; readonly options: QueueRunnerOptions }, job: Job, { name, waiter }: Freed, woken: () => void): void {
  const { effects, clock, observer } = options;
  if (job.state !== 'waiting' || job.reason !== 'locked') return;
  observer.lockBusy?.(job.kind);
  const wake = (): boolean => {
    const wakes = engine.wakeLocked(job, clock.now());
    if (wakes) woken();
    return wakes;
  };
  effects?.locks.whenFree(name, { waiter, untilMs: clock.monotonic() + job.dueMs - clock.now(), wake });
}
