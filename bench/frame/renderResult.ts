import { OTHERS } from './others.ts';
import type { Scenario } from './scenario.ts';
import type { ScenarioResult } from './runScenario.ts';
import type { Spread } from './spread.ts';

/** One scenario's table, its goals, and what has to be said beside figures: settings, durability, versions, who is missing. */
export function renderResult({ columns, subject, compared }: Scenario, { scenario, size, measures, rounds, rows, goals, skipped, servers, notes }: ScenarioResult): string {
  const title = columns.find(({ key }) => key === compared)?.title ?? compared;
  const head = ['contestant', ...columns.map((column) => column.title), `${subject} ÷ it (${title})`, 'others\' cores', 'check'];
  const lines = rows.map((row) => [
    row.contestant,
    ...columns.map(({ key, digits = 0 }) => show(row.figures[key] ?? null, digits)),
    show(row.ratio, 2),
    show(row.figures[OTHERS] ?? null, 2),
    row.check.ok ? `ok: ${row.check.text}` : `WRONG: ${row.check.text}`,
  ]);
  const widths = head.map((text, column) => Math.max(text.length, ...lines.map((line) => (line[column] ?? '').length)));
  const table = [head, widths.map((width) => '-'.repeat(width)), ...lines].map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
  return [
    `${scenario}: ${measures}`,
    `median (lowest–highest) of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, contestants by turns`, '',
    ...table, '',
    ...(size === 'smoke' ? ['a smoke: no figure means anything'] : []),
    ...(size === 'smoke' ? [] : goals).map(({ text, reached, met }) => `goal: ${text}: ${reached === null ? 'not measured: a contestant or a figure that it takes is missing' : `${show(reached, 2)}, ${met === true ? 'met' : 'NOT MET'}`}`),
    ...skipped.map(({ contestant, reason }) => `left out: ${contestant}: ${reason}`),
    ...rows.map((row) => `set: ${row.contestant}: ${row.settings} [${row.versions}]`),
    ...[...new Set(rows.map(({ durability }) => durability))].map((text) => `durability: ${rows.filter((row) => row.durability === text).map((row) => row.contestant).join('; ')}: ${text}`),
    ...servers.map((text) => `server: ${text}`),
    ...notes.map((text) => `note: ${text}`),
  ].join('\n');
}

function show(value: Spread | null, digits: number): string {
  if (value === null) return '–';
  const format = (one: number): string => one.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return value.min === value.max ? format(value.median) : `${format(value.median)} (${format(value.min)}–${format(value.max)})`;
}
