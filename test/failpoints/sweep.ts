import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Armed } from './failpoint.ts';
import { cutTours, planPairs, planVisits, type Visit } from './planSweep.ts';
import { armSources } from './sources.ts';
import { stages, type Stage } from './stages.ts';
import { playTour, type TourReport } from './tour.ts';

export interface SweepOptions {
  readonly brokers: string;
  readonly registryUrl: string;
  /** As `TourOptions.databaseUrl`. */
  readonly databaseUrl: string | null;
  readonly seed: number;
  /** Tours at the same time. */
  readonly lanes: number;
  readonly say: (line: string) => void;
  /** Only visits that this says yes to. */
  readonly select?: (visit: Visit) => boolean;
  readonly stageNames?: readonly string[];
  /** Besides each visit alone. */
  readonly pairs: number;
  readonly singles: boolean;
  /** Name of a planted bug that the armed processes have. */
  readonly bug: string | null;
}

export interface SweepReport {
  readonly points: number;
  /** Reached by an unarmed process in some stage. */
  readonly reached: number;
  /** In files that some process of the sweep loads. */
  readonly unreached: readonly string[];
  /** In files that none does: no service uses them yet. */
  readonly unloaded: number;
  readonly visits: number;
  readonly deaths: number;
  /** Reached when unarmed, and not where it was armed, twice. */
  readonly missed: readonly string[];
  readonly pairs: number;
  readonly pairDeaths: number;
  readonly violations: TourReport['violations'];
  readonly expulsions: number;
  readonly exploreMs: number;
  readonly sweepMs: number;
}

interface Task {
  readonly stage: Stage;
  readonly legs: readonly (readonly Armed[])[];
}

/** Finds out which points each stage reaches, visits each, and some in pairs. */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const { say, seed, select = () => true } = options;
  const { points, code } = armSources(options.bug);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-failpoints-'));
  const codeFile = join(folder, 'code.json');
  await writeFile(codeFile, JSON.stringify(code));
  const chosen = stages.filter(({ name }) => options.stageNames?.includes(name) ?? true);
  const violations: TourReport['violations'][number][] = [];
  const run = async (tasks: readonly Task[], what: string): Promise<TourReport[]> => {
    const reports: TourReport[] = [];
    const next = tasks.values();
    let legs = 0;
    let deaths = 0;
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: options.lanes }, async () => {
      for (const task of next) {
        const report = await playTour({ brokers: options.brokers, registryUrl: options.registryUrl, databaseUrl: options.databaseUrl, codeFile, ...task });
        reports.push(report);
        violations.push(...report.violations);
        legs += task.legs.length;
        deaths += report.legs.filter(({ died }) => died.length > 0 && died.every(Boolean)).length;
        say(`${what} ${task.stage.name}: ${legs} legs${deaths === 0 ? '' : `, ${deaths} of them deaths,`} in ${Math.round((performance.now() - startedMs) / 1000)} s${report.violations.length === 0 ? '' : `, ${report.violations.length} VIOLATIONS`}`);
        for (const { text, armed } of report.violations) say(`  ${text}\n    armed: ${JSON.stringify(armed)}`);
      }
    }));
    return reports;
  };

  try {
    const exploredMs = performance.now();
    const explored = await run(chosen.map((stage) => ({ stage, legs: Array.from({ length: stage.explorations ?? 1 }, () => []) })), 'explored');
    const reachOf = new Map(explored.map(({ stage, visits }) => [stage, visits]));
    const plan = planVisits(chosen.map(({ name, isBase, revisits }) => ({ name, isBase, ...(revisits === undefined ? {} : { revisits }), reach: reachOf.get(name) ?? new Map<string, number>() })), seed);
    const reached = new Set([...reachOf.values()].flatMap((visits) => [...visits.keys()].map((visit) => visit.slice(visit.indexOf(' ') + 1))));
    const loaded = new Set(explored.flatMap((report) => [...report.files]));
    const isLoaded = (point: string): boolean => loaded.has(point.slice(0, point.indexOf(':')));
    const sweptMs = performance.now();
    const wanted = plan.filter(select);
    say(`${points.length} points, ${reached.size} reached, ${wanted.length} visits: ${[...Map.groupBy(wanted, ({ stage }) => stage)].map(([stage, { length }]) => `${stage} ${length}`).join(', ')}`);

    const tasksOf = (legs: readonly (readonly Visit[])[]): Task[] => chosen.flatMap((stage) => {
      const mine = legs.filter(([first]) => first?.stage === stage.name);
      return cutTours(mine, stage.legsOfTour).map((tour) => ({ stage, legs: tour }));
    });
    const singles = options.singles ? await run(tasksOf(wanted.map((visit) => [visit])), 'swept') : [];
    const isMissed = ({ died }: { readonly died: readonly boolean[] }): boolean => died[0] === false;
    // Where chance has a hand (a connection that breaks), the next time may be the one.
    const again = await run(tasksOf(singles.flatMap(({ legs, stage }) => legs.filter(isMissed).map(({ armed }) => [{ ...armed[0] as Armed, nth: 1, stage }]))), 'swept again');
    const pairPlan = planPairs(wanted, options.pairs, seed);
    const pairs = await run(tasksOf(pairPlan), 'paired');
    const legs = [...singles.flatMap((report) => report.legs.filter((leg) => !isMissed(leg))), ...again.flatMap((report) => report.legs)];
    return {
      points: points.length,
      reached: reached.size,
      unreached: points.filter((point) => !reached.has(point) && isLoaded(point)),
      unloaded: points.filter((point) => !isLoaded(point)).length,
      visits: legs.length,
      deaths: legs.filter(({ died }) => died[0] === true).length,
      missed: legs.filter(isMissed).map(({ armed }) => JSON.stringify(armed[0])),
      pairs: pairPlan.length,
      pairDeaths: pairs.flatMap((report) => report.legs).filter(({ died }) => died.every(Boolean)).length,
      violations,
      expulsions: [...singles, ...again, ...pairs, ...explored].reduce((sum, report) => sum + report.expulsions, 0),
      exploreMs: sweptMs - exploredMs,
      sweepMs: performance.now() - sweptMs,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
