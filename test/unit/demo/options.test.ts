import { expect, test } from 'vitest';
import { HELP, readOptions } from '../../../services/demo/options.ts';

test('without options it feeds everything and stays up', () => {
  expect(readOptions([])).toEqual({ records: 20_000, rate: 800, queue: 'flights', home: null, fresh: false, once: false, json: false, help: false });
});

test('options are read, with = and without', () => {
  expect(readOptions(['--records', '50', '--rate=10', '--fresh', '--once', '--json', '--queue', 'q1', '--home', 'x'])).toEqual({
    records: 50, rate: 10, queue: 'q1', home: 'x', fresh: true, once: true, json: true, help: false,
  });
  expect(readOptions(['-h']).help).toBe(true);
});

test.each([
  [['--record', '5'], /got "--record".*Did you mean --records\?/],
  [['--frsh'], /Did you mean --fresh\?/],
  [['fresh'], /options only, got "fresh"/],
  [['--records'], /"--records"/],
  [['--records', '--once'], /expected a value after it, got "--records"/],
  [['--records', '0'], /--records.*a whole number from 1 to 20000, got "0"/],
  [['--records', '1e3'], /got "1e3"/],
  [['--rate', '-5'], /expected a value after it, got "--rate"/],
  [['--once=no'], /without a value/],
  [['--queue', 'Not A Name'], /--queue.*lower-case/],
])('%j is refused with what is wrong with it', (args, message) => {
  expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringMatching(message) as string }));
});

test('the help names every option', () => {
  for (const name of Object.keys(readOptions([]))) expect(HELP).toContain(`--${name}`);
});
