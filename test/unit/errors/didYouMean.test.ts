import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../../shared/errors/didYouMean.ts';

describe('didYouMean', () => {
  it.each([['attemps', 'attempts'], ['timout', 'timeout'], ['fisrt', 'first'], ['TIMEOUT', 'timeout'], ['jiter', 'jitter']])('takes %s for %s', (word, meant) => {
    expect(didYouMean(word, ['attempts', 'timeout', 'first', 'jitter'])).toBe(meant);
  });

  it.each(['banana', '', 'x', 'x'.repeat(1000)])('guesses nothing for %s', (word) => {
    expect(didYouMean(word, ['attempts', 'timeout', 'first', 'jitter'])).toBeNull();
  });
});
