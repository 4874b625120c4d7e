import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../shared/engine/job.ts';
import { JobsByOffset } from '../../../shared/engine/jobsByOffset.ts';

const jobAt = (offset: number): Job => ({ offset }) as Job;
const RUN = 300;
const offsetsOf = (jobs: JobsByOffset): number[] => [...jobs.keys()];

describe('jobs by offset', () => {
  it('are those that a map would hold, in order, however they come and go', () => {
    // Runs of neighbours come or go at once, so that pieces fill, part and join.
    const step = fc.record({ comes: fc.boolean(), from: fc.nat(6000), count: fc.integer({ min: 1, max: 700 }), apart: fc.constantFrom(1, 1, 2, 7) });
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const jobs = new JobsByOffset();
      const known = new Map<number, Job>();
      for (const { comes, from, count, apart } of steps) {
        for (let index = 0; index < count; index++) {
          const offset = from + index * apart;
          const job = jobAt(offset);
          if (comes) {
            jobs.set(job);
            known.set(offset, job);
          } else expect(jobs.delete(offset)).toBe(known.delete(offset));
        }
        expect(jobs.size).toBe(known.size);
        for (const offset of [from - 1, from, from + 1, from + count * apart, 0, 9_000_000]) expect(jobs.get(offset)).toBe(known.get(offset));
      }
      expect(offsetsOf(jobs)).toEqual([...known.keys()].sort((a, b) => a - b));
      for (const [offset, job] of known) expect(jobs.get(offset)).toBe(job);
    }), { numRuns: 60 });
  });

  it('are found where they lie far apart, too', () => {
    const jobs = new JobsByOffset();
    const offsets = Array.from({ length: 2000 }, (_, index) => index ** 4);
    for (const offset of offsets) jobs.set(jobAt(offset));
    for (const offset of offsets) expect(jobs.get(offset)?.offset).toBe(offset);
    for (const offset of offsets.slice(3)) expect(jobs.has(offset - 1)).toBe(false);
  });

  it('may come and go while somebody walks over them, who meets each that stays once, in order', () => {
    fc.assert(fc.property(fc.array(fc.nat(2999), { maxLength: 12 }), fc.array(fc.nat(2999), { maxLength: 300 }), (go, come) => {
      const jobs = new JobsByOffset();
      for (let offset = 0; offset < 3000; offset += 2) jobs.set(jobAt(offset));
      const met: number[] = [];
      for (const { offset } of jobs.values()) {
        met.push(offset);
        const [leaver, comer] = [go[met.length], come[met.length]];
        // So many at once that pieces join.
        for (let near = 0; leaver !== undefined && near < RUN; near++) jobs.delete(leaver + near);
        if (comer !== undefined && !jobs.has(comer)) jobs.set(jobAt(comer));
      }
      expect(met).toEqual([...new Set(met)].sort((a, b) => a - b));
      const left = new Set(go.flatMap((leaver) => Array.from({ length: RUN }, (_, near) => leaver + near)));
      for (let offset = 0; offset < 3000; offset += 2) if (!left.has(offset)) expect(met).toContain(offset);
    }), { numRuns: 20 });
  });
});
