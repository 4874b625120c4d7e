import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { badInputs } from '../../integration/badInput/catalogue.ts';

const WANTED = [...Array.from({ length: 48 }, (_, n) => n + 1), ...Array.from({ length: 10 }, (_, n) => n + 73)];
const sources = new Map<string, string>();

function sourceOf(file: string): string {
  const known = sources.get(file) ?? readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  sources.set(file, known);
  return known;
}

describe('the catalogue of bad inputs', () => {
  it('has each number once', () => {
    expect(badInputs.map(({ number }) => number)).toEqual(WANTED);
  });

  it.each(badInputs)('names a test for #$number, $what', ({ trials }) => {
    expect(trials.length).toBeGreaterThan(0);
    for (const { file, title } of trials) expect(sourceOf(file).replaceAll('\\\'', '\''), `${file} has no test "${title}"`).toContain(title);
  });
});
