import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueHeap } from '../../../shared/engine/dueHeap.ts';
import type { Job } from '../../../shared/engine/job.ts';

const waiting = (offset: number, dueMs: number): Job => ({ offset, dueMs, heapIndex: -1 }) as Job;

describe('the heap of due jobs', () => {
  it('gives jobs back by due time and then by offset, whatever was removed or put off meanwhile', () => {
    const step = fc.record({ type: fc.constantFrom('push', 'push', 'push', 'remove', 'again', 'pop'), dueMs: fc.nat(50), pick: fc.nat() });
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const heap = new DueHeap();
      const inside: Job[] = [];
      const first = (): Job | undefined => [...inside].sort((a, b) => a.dueMs - b.dueMs || a.offset - b.offset)[0];
      steps.forEach(({ type, dueMs, pick }, offset) => {
        const some = inside[pick % Math.max(1, inside.length)];
        if (type === 'push') {
          const job = waiting(offset, dueMs);
          inside.push(job);
          heap.push(job);
        } else if (type === 'remove' && some !== undefined) {
          inside.splice(inside.indexOf(some), 1);
          heap.remove(some);
          expect(some.heapIndex).toBe(-1);
        } else if (type === 'again' && some !== undefined) {
          some.dueMs = dueMs;
          heap.push(some);
        } else if (type === 'pop') {
          const earliest = first();
          expect(heap.popDue(dueMs)).toBe(earliest !== undefined && earliest.dueMs <= dueMs ? earliest : null);
          if (earliest !== undefined && earliest.dueMs <= dueMs) inside.splice(inside.indexOf(earliest), 1);
        }
        expect(heap.size).toBe(inside.length);
        expect(heap.nextMs).toBe(first()?.dueMs ?? null);
        expect(new Set(inside.map((job) => job.heapIndex)).size).toBe(inside.length);
      });
    }));
  });

  it('holds back what is due a moment later', () => {
    const heap = new DueHeap();
    heap.push(waiting(1, 100));
    expect(heap.popDue(99)).toBeNull();
    expect(heap.popDue(100)?.offset).toBe(1);
  });

  it('ignores the removal of a job that is not in it', () => {
    const heap = new DueHeap();
    heap.push(waiting(1, 100));
    heap.remove(waiting(2, 5));
    expect(heap.size).toBe(1);
  });
});
