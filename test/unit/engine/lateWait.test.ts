import { describe, expect, it } from 'vitest';
import { Solo } from './solo.ts';

const retry = { type: 'retry', afterMs: 10, failure: null } as const;

describe('a waiting record that is read back when its job has moved on', () => {
  const told = (solo: Solo): string[] => solo.events.map(({ type, attempt }) => `${type} ${attempt}`);

  it('is not the last word of a job that is done, and the job is settled all the same', () => {
    const solo = new Solo().open();
    solo.enqueue('a');
    solo.fetch().end(0, retry).later(10).end(0).flush();
    expect(told(solo)).toEqual(['done 2']);
    expect(solo.committedOffset).toBe(1);
    expect(solo.log.at(-1)).toMatchObject({ type: 'tombstone' });
  });

  it('tells of a job that runs again that it runs', () => {
    const solo = new Solo().open();
    solo.enqueue('a');
    solo.fetch().end(0, retry).later(10).flush();
    expect(told(solo)).toEqual(['started 2']);
    solo.end(0).flush();
    expect(told(solo)).toEqual(['started 2', 'done 2']);
    expect(solo.committedOffset).toBe(1);
  });
});
