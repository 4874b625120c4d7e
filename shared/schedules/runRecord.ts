import { headerNames, jobHeaders } from '../kafka/envelope.ts';
import type { OutgoingRecord } from '../kafka/port.ts';
import type { Definition } from './definition.ts';
import type { OpenRun } from './scheduleState.ts';

/**
 * Whoever takes over sends what it does not know to be sent; so long after a run has ended, its job is still known by its id, and does not run again.
 * No longer: a schedule of every second leaves 86,400 ids a day for its queue to remember.
 */
const UNIQUE_FOR_MS = 86_400_000;

/** A run's job. */
export function runRecord({ name, kind, key, value }: Definition, { id, tickMs }: OpenRun, nowMs: number): OutgoingRecord {
  return {
    key,
    value,
    headers: {
      ...jobHeaders({ id, kind, source: '/millrace/scheduler', time: new Date(nowMs).toISOString(), uniqueForMs: UNIQUE_FOR_MS }),
      [headerNames.schedule]: name,
      [headerNames.tick]: String(tickMs),
    },
  };
}
