import { expect, test } from 'vitest';
import { busiestOf, isSick, keyOf, natureOf, payloadOf, type Load } from '../../../bench/jobs/load.ts';

const zipf: Load = { jobs: 20_000, keys: 1000, skew: 'zipf', workMs: 0 };

test('gives the busiest of a thousand entities the share that the law gives it, and each job the same entity each time', () => {
  const harmonic = Array.from({ length: zipf.keys }, (_, index) => 1 / (index + 1)).reduce((sum, one) => sum + one, 0);
  expect(busiestOf(zipf) / zipf.jobs).toBeCloseTo(1 / harmonic, 2);
  expect(keyOf(zipf, 1234)).toBe(keyOf({ ...zipf }, 1234));
  expect(payloadOf(zipf, 7)).toMatchObject({ sequence: 7, customer: `customer-${String(keyOf(zipf, 7)).padStart(5, '0')}` });
});

test('lets a tenth of all jobs fail once and a hundredth die, and none of a healthy entity', () => {
  const load: Load = { jobs: 40_000, keys: 4000, skew: 'even', workMs: 0, sick: true };
  const natures = Array.from({ length: load.jobs }, (_, sequence) => natureOf(load, sequence));
  const share = (nature: string): number => natures.filter((one) => one === nature).length / load.jobs;
  expect(share('fails-once')).toBeCloseTo(0.1, 2);
  expect(share('dies')).toBeCloseTo(0.01, 2);
  expect(natures.some((nature, sequence) => nature !== 'sound' && !isSick(load, keyOf(load, sequence)))).toBe(false);
});

test('makes payloads longer by what is asked', () => {
  const length = (extraBytes: number): number => JSON.stringify(payloadOf({ ...zipf, extraBytes }, 5)).length;
  expect(length(10_000) - length(1000)).toBe(9000);
});
