/** Searches the planted bugs, or one: `npm run simulate:planted -- [--name "rule 1"] [--shrink]`. Ends with 1 when one is not caught as expected. */
import { parseArgs } from 'node:util';
import { findPlantedBug } from './findPlantedBug.ts';
import { plantedBugs } from './plantedBugs.ts';

const { values } = parseArgs({ options: { name: { type: 'string' }, from: { type: 'string', default: '1' }, seeds: { type: 'string' }, shrink: { type: 'boolean', default: false }, threads: { type: 'string', default: '2' } } });
const names = Object.keys(plantedBugs).filter((name) => values.name === undefined || name === values.name);
let missed = 0;
const next = names.values();
const search = async (): Promise<void> => {
  for (const name of next) {
    const bug = plantedBugs[name];
    if (bug === undefined) continue;
    const { seeds, violations, plan, ms } = await findPlantedBug({ name, from: Number(values.from), seeds: Number(values.seeds ?? bug.seeds), shrink: values.shrink });
    const anomalies = [...new Set(violations.map(({ anomaly }) => anomaly))];
    const isCaught = anomalies.some((anomaly) => bug.anomalies.includes(anomaly));
    if (!isCaught) missed++;
    process.stdout.write(`${isCaught ? 'caught' : 'MISSED'}  ${name}: ${anomalies.join(', ') || 'nothing'} in ${seeds} seeds, ${Math.round(ms)} ms\n`);
    if (!isCaught || values.shrink) for (const { anomaly, detail } of violations) process.stdout.write(`        ${anomaly}: ${detail.slice(0, 400)}\n`);
    if (values.shrink && plan !== null) process.stdout.write(`        ${JSON.stringify(plan)}\n`);
  }
};
await Promise.all(Array.from({ length: Number(values.threads) }, search));
process.stdout.write(`${names.length - missed} of ${names.length} caught\n`);
process.exitCode = missed === 0 ? 0 : 1;
