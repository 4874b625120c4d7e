import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../shared/engine/job.ts';
import { hashOf, JobsByKey } from '../../../shared/engine/jobsByKey.ts';

const jobOf = (logKey: string): Job => ({ logKey }) as Job;

describe('jobs by the key of their record', () => {
  it('are those that a map would hold, whatever comes, goes or takes the place of another', () => {
    const step = fc.record({ comes: fc.boolean(), from: fc.nat(200), count: fc.integer({ min: 1, max: 150 }) });
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const jobs = new JobsByKey();
      const known = new Map<string, Job>();
      for (const { comes, from, count } of steps) {
        for (let index = from; index < from + count; index++) {
          const job = jobOf(`id-${index}`);
          if (comes) {
            jobs.set(job);
            known.set(job.logKey, job);
          } else expect(jobs.delete(job.logKey)).toBe(known.delete(job.logKey));
        }
        expect(jobs.size).toBe(known.size);
        for (let index = 0; index < 360; index++) expect(jobs.get(`id-${index}`)).toBe(known.get(`id-${index}`));
      }
      expect(new Set(jobs.keys())).toEqual(new Set(known.keys()));
    }), { numRuns: 60 });
  });

  it('are found though all their keys want the same place', () => {
    const alike = keysAlike(1000);
    const jobs = new JobsByKey();
    const known = alike.map(jobOf);
    for (const job of known) jobs.set(job);
    expect(jobs.size).toBe(1000);
    for (const job of known) expect(jobs.get(job.logKey)).toBe(job);
    for (const { logKey } of known.slice(0, 600)) expect(jobs.delete(logKey)).toBe(true);
    for (const [index, job] of known.entries()) expect(jobs.get(job.logKey)).toBe(index < 600 ? undefined : job);
    for (const job of known) jobs.set(job);
    expect(new Set(jobs.keys())).toEqual(new Set(alike));
    expect(jobs.size).toBe(1000);
  });

  it('leave at no cost of those that lie behind them, though a stranger chose ids that fill one slot after the other', () => {
    const [slots, filled] = [2 ** 17, 80_000];
    const keys: string[] = [];
    for (let number = 0, found = 0; found < filled; number++) {
      const slot = hashOf(`id-${number}`) & (slots - 1);
      if (slot >= filled || keys[slot] !== undefined) continue;
      keys[slot] = `id-${number}`;
      found++;
    }
    const jobs = new JobsByKey();
    const known = keys.map(jobOf);
    for (const job of known) jobs.set(job);
    const [first] = known as [Job];
    for (let round = 0; round < 300_000; round++) {
      jobs.delete(first.logKey);
      jobs.set(first);
    }
    for (const job of known) expect(jobs.get(job.logKey) === job).toBe(true);
  });
});

/** Texts with one hash: two code units undo what the first did to it (FNV-1a keeps 32 bits, and a code unit has 16 of them: two reach every state). */
function keysAlike(count: number): string[] {
  const [step, wanted] = [0x01000193, 0x12345678];
  const back = inverse(step);
  // wanted = ((state ^ second) × step ^ third) × step, for the state behind the first.
  const before = Math.imul(wanted, back);
  const keys: string[] = [];
  for (let first = 0; keys.length < count; first++) {
    const state = Math.imul(0x811c9dc5 ^ first, step);
    for (let third = 0; third < 0x10000 && keys.length < count; third++) {
      const second = Math.imul(before ^ third, back) ^ state;
      if (second >>> 16 !== 0) continue;
      keys.push(String.fromCharCode(first, second, third));
      break;
    }
  }
  return keys;
}

/** Of an odd number, modulo 2^32. */
function inverse(odd: number): number {
  let found = 1;
  for (let round = 0; round < 5; round++) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found;
}
