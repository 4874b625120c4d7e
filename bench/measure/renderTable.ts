import type { Row, Spread } from './row.ts';

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const show = ({ median, min, max }: Spread, format: (value: number) => string): string => `${format(median)} (${format(min)}–${format(max)})`;

/** The rows as a text table: medians with their ranges. */
export function renderTable(rows: readonly Row[]): string {
  const head = ['scenario', 'contestant', 'jobs/s', 'CPU µs/job', 'peak RSS MB', 'ratio', 'check'];
  const lines = rows.map((row) => [
    row.scenario,
    row.contestant,
    show(row.jobsPerSecond, whole),
    row.cpuMicrosPerJob === null ? '–' : show(row.cpuMicrosPerJob, (value) => value.toFixed(1)),
    row.peakRssMb === null ? '–' : show(row.peakRssMb, whole),
    row.ratio === null ? '–' : `${show(row.ratio.value, (value) => value.toFixed(2))} of ${row.ratio.to}`,
    row.check,
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => (line[column] ?? '').length)));
  return [head, widths.map((width) => '-'.repeat(width)), ...lines]
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
    .join('\n');
}
