import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../services/cli/exitCodes.ts';
import { readTime } from '../../../services/cli/read/readTime.ts';
import { collectOffsets } from '../../../services/cli/read/readOffsets.ts';
import { ageText } from '../../../services/cli/show/age.ts';
import { createProgressBar, renderProgress } from '../../../services/cli/show/progressBar.ts';
import { createShow, showError } from '../../../services/cli/show/show.ts';
import { renderFields, renderTable } from '../../../services/cli/show/table.ts';
import { catalogue, type ErrorCode } from '../../../shared/errors/catalogue.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';

describe('what the command line shows', () => {
  test('tables stand in columns, numbers to the right, and nothing that a producer wrote breaks a line', () => {
    const rows = [{ id: 'a', n: 1 }, { id: 'two\nlines\u001b[31m', n: 100 }, { id: '', n: null }];
    expect(renderTable(rows, [['id', ({ id }) => id], ['n', ({ n }) => n]])).toBe('id                n\na                 1\ntwo lines [31m  100\n-                 -');
    expect(renderFields([['id', 'a'], ['nothing', null], ['payload', '{\n}']])).toBe('id       a\npayload  {\n         }');
  });

  test('one flaw is told once, several are listed', () => {
    const told = [1, 2].map((count) => {
      let errors = '';
      const fields = ['payload.a', 'payload.b'].slice(0, count).map((field) => ({ field, message: 'expected a number' }));
      showError({ stderr: { write: (text) => { errors += text; } } }, new MillraceError('BAD_PAYLOAD', { at: 'payload.a', expected: 'a number', fields }), false);
      return errors.split('\n').length - 1;
    });
    expect(told).toEqual([1, 3]);
  });

  test('what keeps long work from its end is told to machines too, as a line of JSON; remarks are not', () => {
    const told = [false, true].map((json) => {
      let errors = '';
      const show = createShow({ stdout: { write: () => undefined }, stderr: { write: (text) => { errors += text; } } }, json, { monotonic: () => 0 });
      show.note('a remark');
      show.alert({ waits: { id: 'a\u001b', code: 'CLAIM_NO_STORE' } }, 'waits: a');
      return errors;
    });
    expect(told).toEqual(['a remark\nwaits: a\n', '{"waits":{"id":"a\\u001b","code":"CLAIM_NO_STORE"}}\n']);
  });

  test.each([false, true])('nothing that a producer wrote commands the terminal, in results, remarks or errors (json: %s)', (json) => {
    const nasty = 'a\u001b]0;title\u0007\rb\u009b2J\u007f';
    const written: string[] = [];
    const output = { write: (text: string) => { written.push(text); } };
    const show = createShow({ stdout: output, stderr: output }, json, { monotonic: () => 0 });
    show.result({ note: nasty }, () => renderFields([['note', nasty]]));
    show.note(nasty);
    showError({ stderr: output }, new MillraceError('BAD_COMMAND', { at: nasty }), json);
    expect(written.join('')).toContain('a\\u001b]0;title\\u0007');
    expect(written.join('')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    if (json) expect(JSON.parse(written[0] ?? '')).toEqual({ note: nasty });
  });

  test('times are short, whichever side of now they are', () => {
    expect(['2026-01-01T00:00:00Z', '2026-01-01T11:59:57Z', '2026-01-01T12:05:00Z', null, 'no time'].map((time) => ageText(time, Date.UTC(2026, 0, 1, 12)))).toEqual(['12h ago', '3s ago', 'in 5m', null, null]);
  });

  test('a bar is drawn on a terminal; elsewhere a line says now and then where long work stands', () => {
    let now = 0;
    const written: string[] = [];
    const draw = (isTTY: boolean): void => { createProgressBar({ isTTY, columns: 200, write: (text) => { written.push(text); } }, { monotonic: () => now }).show({ done: 1, total: 4, perSecond: 2.4, leftMs: 90_000, note: '1 dead' }); };
    draw(false);
    expect(written).toEqual([]);
    const lines = createProgressBar({ isTTY: false, write: (text) => { written.push(text); } }, { monotonic: () => now });
    for (now of [0, 4000, 5000, 6000, 9999, 10_000]) lines.show({ done: now, total: 20_000, perSecond: 1, leftMs: null });
    lines.clear();
    expect(written).toEqual([expect.stringContaining('5000 of 20000'), expect.stringContaining('10000 of 20000')]);
    draw(true);
    expect(written.join('')).toContain('[######..................] 25%  1 of 4  2/s  1m left  1 dead');
    expect(renderProgress({ done: 0, total: 0, perSecond: 0, leftMs: null })).toContain('100%');
  });

  test('times and ranges are read as people write them', () => {
    const now = Date.UTC(2026, 0, 2);
    expect(readTime('--from', '2h', now).toISOString()).toBe('2026-01-01T22:00:00.000Z');
    expect(readTime('--from', '2026-01-01T12:00:00+01:00', now).toISOString()).toBe('2026-01-01T11:00:00.000Z');
    for (const text of ['5', '2016-12-31T23:59:60Z', '2026-02-30T00:00:00Z', '2026-01-01T24:00:00Z', '999999999d', '900000d']) expect(() => readTime('--from', text, now), text).toThrow(/--from/);
    expect(collectOffsets('4:-7', collectOffsets('3:1-2', undefined))).toEqual(new Map([[3, { from: 1, to: 2 }], [4, { to: 7 }]]));
    expect(() => collectOffsets('3', undefined)).toThrow(/partition:first-last/);
  });

  test('each error has an exit code that says whose turn it is', () => {
    const codes = (exit: number): string[] => Object.keys(catalogue).filter((code) => exitCodeOf(new MillraceError(code as ErrorCode)) === exit);
    expect(codes(0)).toEqual([]);
    expect(codes(2)).toEqual(expect.arrayContaining(['BAD_USAGE', 'BAD_PAYLOAD', 'BAD_CONFIG', 'BAD_REPLAY']));
    expect(codes(3)).toEqual(expect.arrayContaining(['JOB_UNKNOWN', 'QUEUE_UNKNOWN', 'TOPIC_MISSING', 'SCHEMA_UNKNOWN', 'SCHEDULE_UNKNOWN']));
    expect(codes(4)).toEqual(expect.arrayContaining(['BROKER_UNAVAILABLE', 'REGISTRY_UNAVAILABLE', 'STATUS_UNAVAILABLE']));
    expect(codes(5)).toEqual(expect.arrayContaining(['NEEDS_FORCE', 'GROUP_IN_USE']));
  });
});
