import { cpuSecondsOf, machineCpuSeconds } from '../process/cpu.ts';
import type { Bench } from './bench.ts';
import { OTHERS } from './others.ts';
import { Missing } from './missing.ts';
import { goalsOf, rowsOf, type GoalResult, type Row } from './row.ts';
import type { Column, Contestant, Sample, Scenario, Size } from './scenario.ts';

export interface ScenarioResult {
  readonly scenario: string;
  readonly size: Size;
  readonly measures: string;
  readonly rounds: number;
  /** What the rows' figures are, with their units. */
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly goals: readonly GoalResult[];
  /** Who could not be measured here, and what to install. */
  readonly skipped: readonly { readonly contestant: string; readonly reason: string }[];
  readonly servers: readonly string[];
  readonly notes: readonly string[];
}

const SMOKE_AT_ONCE = 2;

/** Measures every contestant once in each round, by turns; each round begins with another. What fails is a row that says so. */
export async function runScenario(bench: Bench, scenario: Scenario, wanted: readonly Contestant[], rounds: number): Promise<ScenarioResult> {
  const skipped: { contestant: string; reason: string }[] = [];
  const servers = new Set<string>();
  const present: { contestant: Contestant; samples: Sample[] }[] = [];
  for (const contestant of wanted) {
    const reason = await whyMissing(bench, contestant, servers);
    if (reason === null) present.push({ contestant, samples: [] });
    else skipped.push({ contestant: contestant.name, reason });
  }
  for (const { contestant, reason } of skipped) bench.say(`  without ${contestant}: ${reason}`);
  for (let round = 0; round < rounds; round++) {
    let turn = 0;
    // A smoke has no figures that others could disturb.
    await Promise.all(Array.from({ length: bench.size === 'smoke' ? SMOKE_AT_ONCE : 1 }, async () => {
      while (turn < present.length) {
        const one = present[(turn++ + round) % present.length];
        if (one === undefined) continue;
        const sample = await measure(bench, one.contestant);
        one.samples.push(sample);
        bench.say(`  ${scenario.name} ${round + 1}/${rounds} ${one.contestant.name}: ${tell(scenario, sample)}`);
      }
    }));
  }
  return {
    scenario: scenario.name, size: bench.size, measures: scenario.measures, rounds, columns: [...scenario.columns, { key: OTHERS, title: 'others\' cores', digits: 2 }], rows: rowsOf(scenario, present), goals: goalsOf(scenario, present), skipped, servers: [...servers], notes: scenario.notes,
  };
}

async function whyMissing(bench: Bench, { needs }: Contestant, servers: Set<string>): Promise<string | null> {
  try {
    for (const need of needs) servers.add((await bench.server(need)).version);
    return null;
  } catch (error) {
    if (error instanceof Missing) return error.message;
    throw error;
  }
}

async function measure(bench: Bench, contestant: Contestant): Promise<Sample> {
  const foreign = async (): Promise<number> => (await machineCpuSeconds() ?? NaN) - (await cpuSecondsOf(process.pid) ?? NaN);
  const [before, startMs] = [await foreign(), performance.now()];
  const sample = await measureOnce(bench, contestant);
  const others = ((await foreign() - before) * 1000) / (performance.now() - startMs);
  return { ...sample, figures: { ...sample.figures, [OTHERS]: Number.isNaN(others) ? null : Math.max(0, others) } };
}

async function measureOnce(bench: Bench, contestant: Contestant): Promise<Sample> {
  try {
    return await contestant.measure(bench);
  } catch (error) {
    bench.say(`  ${contestant.name} failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    return { figures: {}, check: { ok: false, text: `failed: ${error instanceof Error ? error.message : String(error)}` } };
  }
}

function tell({ columns }: Scenario, { figures, check }: Sample): string {
  const told = columns.flatMap(({ key, title, digits = 0 }) => (typeof figures[key] === 'number' ? [`${title} ${figures[key].toFixed(digits)}`] : []));
  return `${told.join(', ')}; ${check.ok ? '' : 'WRONG: '}${check.text}`;
}
