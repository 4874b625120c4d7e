import { writeFileSync } from 'node:fs';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { findPlantedBug } from './findPlantedBug.ts';
import type { Plan } from './plan.ts';
import { plantedBugs } from './plantedBugs.ts';
import { PLANTED_PLANS, readPlantedPlans } from './plantedPlans.ts';

const usage = `npm run simulate:planted [-- <options>]

Searches seeds until each planted bug is caught. Ends with 1 when one is not caught as expected.

  --name <name>       only this one: ${Object.keys(plantedBugs).map((name) => `"${name}"`).join(', ')}
  --from <seed>       the first seed (default 1)
  --seeds <n>         so many of them at most (default: as the bug needs)
  --keep              shrinks what it finds and writes it to plantedPlans.json, where the tests have it from
  --threads <n>       (default 2)`;
const { values } = takeArguments(process, {
  usage,
  options: { name: { type: 'string' }, from: { type: 'string', default: '1' }, seeds: { type: 'string' }, keep: { type: 'boolean', default: false }, threads: { type: 'string', default: '2' } },
}) ?? process.exit();
const names = Object.keys(plantedBugs).filter((name) => values.name === undefined || name === values.name);
const flaw = names.length === 0 ? `There is no planted bug "${values.name ?? ''}"`
  : (['from', 'seeds', 'threads'] as const).flatMap((name) => (values[name] === undefined || /^[1-9]\d{0,8}$/.test(values[name]) ? [] : [`--${name}: expected a whole number above zero, got "${values[name]}"`]))[0];
if (flaw !== undefined) {
  process.stderr.write(`${flaw}\n\n${usage}\n`);
  process.exit(2);
}
let missed = 0;
/** Read and written at once: another search may keep its own meanwhile. */
function keepPlan(name: string, plan: Plan): void {
  const kept = new Map(Object.entries(readPlantedPlans()));
  kept.set(name, plan);
  const lines = [...kept].sort(([a], [b]) => a.localeCompare(b)).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  writeFileSync(PLANTED_PLANS, `{\n${lines.join(',\n')}\n}\n`);
}

const next = names.values();
const search = async (): Promise<void> => {
  for (const name of next) {
    const bug = plantedBugs[name];
    if (bug === undefined) continue;
    const { seeds, violations, plan, ms } = await findPlantedBug({ name, from: Number(values.from), seeds: Number(values.seeds ?? bug.seeds), shrink: values.keep, plan: null });
    const anomalies = [...new Set(violations.map(({ anomaly }) => anomaly))];
    const isCaught = anomalies.some((anomaly) => bug.anomalies.includes(anomaly));
    if (!isCaught) missed++;
    process.stdout.write(`${isCaught ? 'caught' : 'MISSED'}  ${name}: ${anomalies.join(', ') || 'nothing'} in ${seeds} seeds, ${Math.round(ms)} ms\n`);
    if (!isCaught) for (const { anomaly, detail } of violations) process.stdout.write(`        ${anomaly}: ${detail.slice(0, 400)}\n`);
    if (values.keep && isCaught && plan !== null) keepPlan(name, plan);
  }
};
await Promise.all(Array.from({ length: Number(values.threads) }, search));
process.stdout.write(`${names.length - missed} of ${names.length} caught\n`);
process.exitCode = missed === 0 ? 0 : 1;
