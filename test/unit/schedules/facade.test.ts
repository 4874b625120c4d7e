import { expect, test } from 'vitest';
import { defineJob } from 'millrace';
import { createTestMillrace } from 'millrace/testing';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

const report = defineJob({ kind: 'report.write', queue: 'reports', schema: jobV1, key: (payload) => payload.customer, handle: () => undefined });

test('shows a schedule as it was put, and no longer once it is removed', async () => {
  const { millrace: { schedules }, settle, clock } = createTestMillrace();
  await settle(schedules.put({ name: 'nightly', cron: '30 2 * * *', timezone: 'Europe/Berlin', job: report, payload: sampleJob(1), note: 'the books' }));
  expect(await settle(schedules.get('nightly'))).toMatchObject({
    name: 'nightly', kind: 'report.write', queue: 'reports', key: sampleJob(1).customer, cron: '30 2 * * *', timezone: 'Europe/Berlin', overlap: 'skip', note: 'the books', paused: null,
    next: ['2026-01-01T01:30:00.000Z', '2026-01-02T01:30:00.000Z', '2026-01-03T01:30:00.000Z', '2026-01-04T01:30:00.000Z', '2026-01-05T01:30:00.000Z'].map((at) => new Date(at)),
  });
  await settle(schedules.pause('nightly', 'the auditors are here'));
  expect(await settle(schedules.list())).toMatchObject([{ next: [], paused: { note: 'the auditors are here' } }]);
  await settle(schedules.resume('nightly'));
  expect((await settle(schedules.list()))[0]?.paused).toBeNull();
  expect(await settle(schedules.remove('nightly'))).toBe(true);
  expect(await settle(schedules.remove('nightly'))).toBe(false);
  expect(await settle(schedules.list())).toEqual([]);
  await expect(settle(schedules.runNow('nightly'))).rejects.toMatchObject({ code: 'SCHEDULE_UNKNOWN' });
  expect(schedules.nextRuns({ every: '5m', offset: '10s' }, 2, new Date(clock.now())).map((at) => at.getTime() % 300_000)).toEqual([10_000, 10_000]);
});
