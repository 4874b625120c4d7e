import { openKilledLog } from '../check/killedLog.ts';
import { createJournal, type Ending } from '../check/journal.ts';
import { keyOf } from '../jobs/load.ts';
import { hearPlan } from '../process/inChild.ts';
import { machineMs } from '../process/machineClock.ts';
import { loadSystem } from '../systems/systems.ts';
import { createAttempt } from './attempt.ts';
import type { WorkerPlan, WorkerTold } from './workerPlan.ts';

/** One worker process of any system. Words of the parent: `go`, `mark` (its processor time counts from now), `report`, `stop`. */
const COUNT_EVERY_MS = 10;
const { plan, ...parent } = await hearPlan<WorkerPlan>();
const { load, place, settings } = plan;
const log = plan.logFile === undefined ? null : openKilledLog(plan.logFile);
const tell = (told: WorkerTold): void => { parent.tell(told); };
const system = await loadSystem(plan.system);
const kept = createJournal(Math.ceil(load.jobs * 1.2));
const ended = new Uint8Array(load.jobs);
const recorded: number[] = [];
let count = 0;
let counted = 0;
let first = false;
let cpu = process.cpuUsage();

const journal = {
  ...kept,
  note(sequence: number, startMs: number, endMs: number, ending: Ending): void {
    kept.note(sequence, startMs, endMs, ending);
    log?.ended(sequence, endMs, ending);
    if (ending === 'again' || ended[sequence] === 1) return;
    ended[sequence] = 1;
    count++;
  },
};
const keysSeen = new Uint8Array(load.keys);
let keysToCome = plan.beginsWithAll === true ? load.keys : 0;
/** Whether entities are to come that it takes to begin. */
function isAwaited(sequence: number): boolean {
  if (keysToCome === 0) return false;
  const key = keyOf(load, sequence);
  if (keysSeen[key] === 0) keysToCome--;
  keysSeen[key] = 1;
  return keysToCome > 0;
}
const run = createAttempt(load, {
  journal,
  started(sequence) {
    log?.started(sequence, machineMs());
    if (first || isAwaited(sequence)) return;
    first = true;
    cpu = process.cpuUsage();
    tell({ type: 'first', atMs: machineMs() });
  },
});
tell({ type: 'ready' });
await parent.hear('go');
const worker = await system.worker(place, load, settings, { run, recorded: (sequence) => { recorded.push(sequence, machineMs()); } });
tell({ type: 'started' });
setInterval(() => {
  if (count !== counted) tell({ type: 'count', ended: counted = count });
}, COUNT_EVERY_MS);
void parent.hear('mark').then(() => { cpu = process.cpuUsage(); });
await parent.hear('report');
const { user, system: kernel } = process.cpuUsage(cpu);
tell({ type: 'figures', rows: kept.rows(), cpuSeconds: (user + kernel) / 1e6, peakRssMb: process.resourceUsage().maxRSS / 1024, recorded: Float64Array.from(recorded) });
await parent.hear('stop');
await worker.stop();
process.exit(0);
