import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../../shared/jobs/fingerprint.ts';
import { plainJson, plainText } from '../../../shared/status/plainText.ts';

describe('the fingerprint of an error', () => {
  it.each([
    ['no answer from 10.0.0.1:5432 in 3000 ms', 'no answer from 10.0.0.27:5433 in 12 ms'],
    ['order 9b2e4f6a-1c3d-4e5f-8a9b-0c1d2e3f4a5b is gone', 'order 00000000-1c3d-4e5f-8a9b-0c1d2e3f4a5b is gone'],
    ['no user "ada"', 'no user "grace hopper"'],
    ['key 0xdeadbeef missing', 'key 0x12 missing'],
  ])('is the same for %j and %j', (one, other) => {
    expect(fingerprintOf('E', one)).toBe(fingerprintOf('E', other));
  });

  it('differs by code, and by what the message says', () => {
    expect(new Set([fingerprintOf('A', 'no user'), fingerprintOf('B', 'no user'), fingerprintOf('A', 'no order')]).size).toBe(3);
  });
});

describe('text for a database', () => {
  it('has no NUL and no lone surrogates', () => {
    expect(plainText('a\0b\ud800')).toBe('a\ufffdb\ufffd');
    expect(plainText('abcdef', 3)).toBe('abc');
  });

  it('is JSON that keeps what is sound and has bytes as base64', () => {
    const json = plainJson({ 'k\0': ['\ud800x', '\\u0000', 'tab\t\u0001', '😀'], b: Buffer.from([1, 2]), n: null, deep: { b: new Uint8Array([255]) } });
    expect(JSON.parse(json)).toEqual({ 'k\ufffd': ['\ufffdx', '\\u0000', 'tab\t\u0001', '😀'], b: 'AQI=', n: null, deep: { b: '/w==' } });
    expect(json).not.toMatch(/(?<!\\)(\\\\)*\\u(0000|d)/);
  });
});
