import { OTHERS } from './others.ts';
import type { Check } from '../check/judge.ts';
import type { Contestant, Goal, Sample, Scenario } from './scenario.ts';
import { spread, type Spread } from './spread.ts';

/** One contestant's line of the table. */
export interface Row {
  readonly contestant: string;
  readonly figures: Readonly<Record<string, Spread | null>>;
  /** The same of each round by itself, in their order. */
  readonly rounds: readonly Readonly<Record<string, number | null>>[];
  /** The subject's figure over this one's, of each round. */
  readonly ratio: Spread | null;
  readonly check: Check;
  readonly settings: string;
  readonly durability: string;
  readonly versions: string;
}

export interface GoalResult {
  readonly text: string;
  /** Null: a figure that it takes was not measured. */
  readonly reached: Spread | null;
  /** Never true of a contestant one of whose checks came out wrong. */
  readonly met: boolean | null;
}

export interface Measured {
  readonly contestant: Contestant;
  /** By rounds. */
  readonly samples: readonly Sample[];
}

export function rowsOf({ columns, subject, compared }: Scenario, measured: readonly Measured[]): Row[] {
  return measured.map(({ contestant, samples }) => {
    const against = contestant.against === undefined ? subject : contestant.against;
    const base = measured.find((one) => one.contestant.name === against);
    const wrong = samples.find(({ check }) => !check.ok);
    return {
      contestant: contestant.name,
      figures: Object.fromEntries([...columns.map(({ key }) => key), OTHERS].map((key) => [key, spread(samples.map(({ figures }) => figures[key]))])),
      ratio: base === undefined || against === contestant.name ? null : spread(samples.map(({ figures }, round) => divide(base.samples[round]?.figures[compared], figures[compared]))),
      rounds: samples.map(({ figures }) => figures),
      check: (wrong ?? samples.at(-1))?.check ?? { ok: false, text: 'not measured' },
      settings: contestant.settings, durability: contestant.durability, versions: contestant.versions,
    };
  });
}

export function goalsOf({ goals = [] }: Scenario, measured: readonly Measured[]): GoalResult[] {
  return goals.map((goal) => {
    const samples = measured.find(({ contestant }) => contestant.name === goal.contestant)?.samples ?? [];
    const reached = spread(samples.map(({ figures }, round) => (goal.over === undefined ? figures[goal.column] : divide(figures[goal.column], best(goal, measured, round)))));
    const sound = samples.every(({ check }) => check.ok);
    const met = reached === null ? null : sound && reached.median >= (goal.atLeast ?? -Infinity) && reached.median <= (goal.atMost ?? Infinity);
    return { text: goal.text, reached, met };
  });
}

/** Null where any of them is not there: the best of the rest would be an easier mark. */
function best({ over = [], column, better = 'higher' }: Goal, measured: readonly Measured[], round: number): number | null {
  const values = over.map((name) => measured.find(({ contestant }) => contestant.name === name)?.samples[round]?.figures[column]);
  if (values.some((value) => typeof value !== 'number')) return null;
  return better === 'higher' ? Math.max(...values as number[]) : Math.min(...values as number[]);
}

function divide(value: number | null | undefined, by: number | null | undefined): number | null {
  return typeof value === 'number' && typeof by === 'number' && by !== 0 ? value / by : null;
}
