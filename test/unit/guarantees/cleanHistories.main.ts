/** Holds many histories of an ideal system to the promises: none may raise an alarm. `npm run simulate:clean` plays as many clean runs of the simulator after it. */
import { parseArgs } from 'node:util';
import { findViolations } from '../../guarantees/promises/guarantee.ts';
import { drawCleanHistory } from './drawCleanHistory.ts';

const { values } = parseArgs({ options: { from: { type: 'string', default: '1' }, seeds: { type: 'string', default: '10000' } } });
const startMs = performance.now();
let alarms = 0;
let lines = 0;
const end = Number(values.from) + Number(values.seeds);
for (let seed = Number(values.from); seed < end; seed++) {
  const { history, terms } = drawCleanHistory(seed);
  lines += history.lines.length;
  for (const violation of findViolations(terms, history)) {
    alarms++;
    process.stdout.write(`history ${seed}: ${violation}\n`);
  }
}
process.stdout.write(`${values.seeds} histories of an ideal system, ${lines} lines: ${alarms} alarms, ${((performance.now() - startMs) / 1000).toFixed(0)} s\n`);
process.exitCode = alarms === 0 ? 0 : 1;
