import type { WitnessLine } from './witness.ts';

/** A broken promise, as the witness shows it. */
export interface Violation {
  /**
   * `overlap`: two attempts of an airport at once · `order`: a job started out of its turn · `fence`: a former owner started a job after
   * its successor had · `twice`: an effect was had twice · `mismatch`: an effect or end without its start · `missing`: jobs that never ended.
   */
  readonly rule: 'overlap' | 'order' | 'fence' | 'twice' | 'mismatch' | 'missing';
  readonly airport: string;
  readonly says: string;
}

export interface WitnessVerdict {
  readonly violations: readonly Violation[];
  readonly airports: number;
  /** Jobs that ended for good. */
  readonly ended: number;
  /** Attempts that took place again after a crash, as at-least-once allows. */
  readonly repeated: number;
}

type Line = WitnessLine;
interface Lane {
  /** The attempt under way. */
  open: Line | null;
  /** The sequence whose turn it is. */
  next: number;
  /** Sequences below have ended for good at some time. */
  reached: number;
  fence: number;
  readonly effects: Set<number>;
}

/**
 * Checks what a run's witness recorded: per airport one attempt at a time, jobs in order, each retry before its successors, each effect
 * once. When the fence rises (the owner died and another took over) its last attempts may repeat, but only as the replay of a suffix:
 * from one job on, again in order.
 *
 * @param jobs by airport, how many jobs must have ended for good; leave it out for a run that was not fed to its end
 */
export function checkWitness(lines: readonly WitnessLine[], jobs?: ReadonlyMap<string, number>): WitnessVerdict {
  const lanes = new Map<string, Lane>();
  const violations: Violation[] = [];
  let repeated = 0;

  for (const line of lines) {
    const lane = lanes.get(line.airport) ?? { open: null, next: 0, reached: 0, fence: -1, effects: new Set() };
    lanes.set(line.airport, lane);
    const blame = (rule: Violation['rule'], says: string): void => { violations.push({ rule, airport: line.airport, says }); };
    switch (line.at) {
      case 'start':
        if (line.fence > lane.fence) takeOver(lane, line);
        if (line.fence < lane.fence) blame('fence', `${show(line)} started under fence ${line.fence}, after fence ${lane.fence}`);
        else if (lane.open !== null) blame('overlap', `${show(line)} started while ${show(lane.open)} was under way`);
        else if (line.sequence !== lane.next) blame('order', `${show(line)} started when it was the turn of job ${lane.next}`);
        if (line.sequence < lane.reached) repeated += 1;
        lane.open = line;
        break;
      case 'effect':
        if (!belongs(lane, line)) blame('mismatch', `${show(line)} had its effect without having started`);
        if (lane.effects.has(line.sequence)) blame('twice', `${show(line)} had its effect again`);
        lane.effects.add(line.sequence);
        break;
      case 'end':
        // A former owner may still write its last line.
        if (line.fence < lane.fence) break;
        if (!belongs(lane, line)) blame('mismatch', `${show(line)} ended without having started`);
        lane.open = null;
        if (line.outcome !== 'failed') {
          lane.next = line.sequence + 1;
          lane.reached = Math.max(lane.reached, lane.next);
        }
        break;
    }
  }
  for (const [airport, count] of jobs ?? []) {
    const reached = lanes.get(airport)?.reached ?? 0;
    if (reached !== count) violations.push({ rule: 'missing', airport, says: `${reached} jobs ended, of ${count}` });
  }
  return { violations, airports: lanes.size, ended: [...lanes.values()].reduce((sum, { reached }) => sum + reached, 0), repeated };
}

/** The first start under a higher fence: what the former owner had under way is lost, and the replay may begin below. */
function takeOver(lane: Lane, line: Line): void {
  lane.fence = line.fence;
  lane.open = null;
  lane.next = Math.min(lane.next, line.sequence);
}

function belongs(lane: Lane, line: Line): boolean {
  const { open } = lane;
  return open !== null && open.sequence === line.sequence && open.attempt === line.attempt && open.fence === line.fence;
}

function show({ airport, sequence, attempt }: Line): string {
  return `${airport} job ${sequence} attempt ${attempt}`;
}
