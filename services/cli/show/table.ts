/** A column: its head, and what stands in a row. Numbers stand to the right. */
export type Column<Row> = readonly [head: string, cell: (row: Row) => string | number | null | undefined];

const GAP = '  ';

/** Rows as aligned text, a line each, under their heads. What is empty shows as a dash. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map(([, cell]) => cell(row)));
  const texts = [columns.map(([head]) => head), ...cells.map((line) => line.map((cell) => (cell === null || cell === undefined || cell === '' ? '-' : oneLine(String(cell)))))];
  const widths = columns.map((_, at) => Math.max(...texts.map((line) => (line[at] ?? '').length)));
  const isNumber = columns.map((_, at) => cells.some((line) => typeof line[at] === 'number') && cells.every((line) => typeof line[at] === 'number' || line[at] === null || line[at] === undefined));
  return texts.map((line) => line.map((text, at) => (isNumber[at] === true ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0))).join(GAP).trimEnd()).join('\n');
}

/** Names and values, a line each; those without a value are left out. */
export function renderFields(fields: readonly (readonly [name: string, value: string | number | null | undefined])[]): string {
  const shown = fields.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}${GAP}${String(value).replaceAll('\n', `\n${' '.repeat(width)}${GAP}`)}`).join('\n');
}

/** Whatever a producer wrote must not break the table, or the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

/** At most so many characters. */
export function cut(text: string | null | undefined, length: number): string {
  if (text === null || text === undefined) return '';
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
