import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../shared/engine/job.ts';
import { Lane } from '../../../shared/engine/lane.ts';
import type { Partition } from '../../../shared/engine/partition.ts';
import { plainPolicy, Solo } from './solo.ts';

const at = (place: number, offset: number): Job => ({ place, offset, prev: null, next: null, inLane: false }) as Job;

describe('lane', () => {
  it('keeps jobs by their place, first come first where places are equal, whatever is removed', () => {
    fc.assert(fc.property(fc.array(fc.record({ place: fc.nat(20), remove: fc.option(fc.nat()) }), { maxLength: 60 }), (steps) => {
      const lane = new Lane({} as Partition, 'k', 0);
      let expected: Job[] = [];
      steps.forEach(({ place, remove }, offset) => {
        const job = at(place, offset);
        lane.insert(job);
        expected = [...expected, job].sort((a, b) => a.place - b.place || a.offset - b.offset);
        if (remove === null) return;
        const [gone] = expected.splice(remove % expected.length, 1);
        lane.remove(gone as Job);
        lane.remove(gone as Job);
      });
      const forwards: Job[] = [];
      for (let job = lane.head; job !== null; job = job.next) forwards.push(job);
      const backwards: Job[] = [];
      for (let job = lane.tail; job !== null; job = job.prev) backwards.unshift(job);
      expect(forwards).toEqual(expected);
      expect(backwards).toEqual(expected);
    }));
  });

  it('never runs two jobs of an entity at once, even when thousands of other entities came in between', () => {
    const solo = new Solo([{ ...plainPolicy, order: 'relaxed' }], { concurrency: 10_000, intakeJobs: 100_000 }).open();
    const first = solo.enqueue('e');
    solo.fetch().end(first, { type: 'retry', afterMs: 1000, failure: null });
    for (let other = 0; other < 9000; other++) solo.enqueue(`other${other}`);
    solo.fetch().runAll().flush();
    const second = solo.enqueue('e');
    solo.fetch();
    expect(solo.runningOffsets).toEqual([second]);
    solo.later(1000);
    expect(solo.runningOffsets).toEqual([second]);
    solo.end(second);
    expect(solo.runningOffsets).toEqual([first]);
  });

  it('is dropped when all its jobs are settled, so that a stream of new entities takes no memory', () => {
    const solo = new Solo([plainPolicy], { concurrency: 10_000, intakeJobs: 100_000 }).open();
    for (let round = 0; round < 5; round++) {
      for (let entity = 0; entity < 4000; entity++) solo.enqueue(`e${round}/${entity}`);
      solo.fetch().runAll().flush();
    }
    expect(solo.partition.lanes.size).toBeLessThan(9000);
  });
});
