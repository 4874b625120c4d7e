/** A run of a schedule, as its handler was called. */
export interface ScheduleRun {
  readonly id: string;
  readonly schedule: string;
  readonly tickMs: number;
  /** Of what its program calls milliseconds. */
  readonly startMs: number;
  /** Null: it goes on. */
  endMs: number | null;
  /** Its signal was aborted before its end. */
  aborted: boolean;
}

/** What is to be of one schedule. */
export interface ExpectedRuns {
  readonly schedule: string;
  /** Ticks of which each runs once. */
  readonly must: readonly number[];
  /** Whether another tick may run (once). Default: none. */
  readonly may?: (tickMs: number) => boolean;
  /** No two of its runs at once. */
  readonly oneByOne?: boolean;
}

/** Each tick that must run did, and no tick twice; nothing ran that may not; and none beside another where that is excluded. Pure. */
export function judgeRuns(expected: readonly ExpectedRuns[], runs: readonly ScheduleRun[]): string[] {
  return expected.flatMap(({ schedule, must, may = () => false, oneByOne = false }) => {
    const mine = runs.filter((run) => run.schedule === schedule).sort((a, b) => a.startMs - b.startMs);
    const violations: string[] = [];
    const byTick = Map.groupBy(mine, ({ tickMs }) => tickMs);
    for (const tick of must) if (!byTick.has(tick)) violations.push(`${schedule} did not run for ${shown(tick)}`);
    for (const [tick, same] of byTick) {
      if (same.length > 1) violations.push(`${schedule} ran ${same.length} times for ${shown(tick)}: ${same.map(({ id }) => id).join(', ')}`);
      if (!must.includes(tick) && !may(tick)) violations.push(`${schedule} ran for ${shown(tick)}, which it is not to`);
    }
    if (oneByOne) {
      for (const [index, run] of mine.entries()) {
        const before = mine[index - 1];
        if (before !== undefined && (before.endMs ?? Infinity) > run.startMs) violations.push(`${schedule} began ${run.id} while ${before.id} ran`);
      }
    }
    return violations;
  });
}

function shown(tickMs: number): string {
  return new Date(tickMs).toISOString();
}
