import { describe, expect, test } from 'vitest';
import { judgeAccepted, type Receipt } from '../../failpoints/plays/playIntake.ts';
import { judgeEffectRows, type EffectRow } from '../../failpoints/judgeEffects.ts';
import { judgeTold } from '../../failpoints/plays/playWebhooks.ts';
import type { Told } from '../../failpoints/plays/webhookReceiver.ts';
import { judgeRuns, type ScheduleRun } from '../../failpoints/plays/judgeRuns.ts';
import { RUNS_OF_SANDBOX, tellSandboxDeaths } from '../../failpoints/tellSandboxDeaths.ts';
import type { WitnessLine } from '../../guarantees/history.ts';

describe('what an intake answered', () => {
  const job = (id: string, sequence: number, offset: number, entity = 'e') => ({ id, entity, sequence, partition: 0, offset });
  const receipt = (id: string, sequence: number, offset: number, key: string | null = `e/${sequence}`, entity = 'e'): Receipt => ({ id, entity, sequence, key, at: `q/0/${offset}` });

  test('is kept when each answer is in Kafka, the same record twice included', () => {
    expect(judgeAccepted([receipt('a', 1, 1), receipt('a', 1, 1), receipt('b', 2, 2)], [job('a', 1, 0), job('a', 1, 1), job('b', 2, 2)], 'q')).toEqual([]);
  });

  test.each([
    ['an answer is not in Kafka', [receipt('a', 1, 7)], [job('a', 1, 0)], ['e#1 was answered 202 with q/0/7 and is not there']],
    ['a key got two ids', [receipt('a', 1, 0), receipt('b', 1, 1)], [job('a', 1, 0), job('b', 1, 1)], ['the key e/1 got 2 ids: a, b', 'e\'s jobs are there as 1, 1']],
    ['a key whose answer was lost made a second job', [receipt('b', 1, 1)], [job('a', 1, 0), job('b', 1, 1)], ['e\'s jobs are there as 1, 1']],
    ['an entity\'s jobs came in another order', [receipt('a', 1, 1), receipt('b', 2, 0)], [job('b', 2, 0), job('a', 1, 1)], ['e\'s jobs are there as 2, 1']],
  ])('is broken when %s', (_what, receipts, log, violations) => {
    expect(judgeAccepted(receipts, log, 'q')).toEqual(violations);
  });

  test('says nothing of how often a job came that has no key', () => {
    expect(judgeAccepted([receipt('a', 1, 0, null)], [job('a', 1, 0), job('b', 1, 1)], 'q')).toEqual([]);
  });
});

describe('an attempt whose sandbox died', () => {
  const at = (line: Partial<WitnessLine>): WitnessLine => ({ type: 'start', entity: 'e', sequence: 1, id: 'a', attempt: 1, fence: 1, worker: 'w', run: 7 * RUNS_OF_SANDBOX + 1, round: 0, atMs: 0, ...line });
  const death = { pid: 7, worker: 'w', atMs: 50 };
  const tell = (lines: readonly WitnessLine[]): readonly WitnessLine[] => tellSandboxDeaths({ lines, commits: [] }, [death]).lines;
  const next = at({ attempt: 2, run: 8 * RUNS_OF_SANDBOX + 1, atMs: 100 });

  test('failed then, when it had begun', () => {
    expect(tell([at({}), next])).toEqual([at({}), at({ type: 'end', outcome: 'retry', atMs: 50 }), next]);
  });

  test('failed, when it had ended well and nobody was told', () => {
    const end = at({ type: 'end', outcome: 'done', atMs: 40 });
    expect(tell([at({}), end, next])).toEqual([at({}), { ...end, outcome: 'retry' }, next]);
    expect(tell([at({}), end])).toEqual([at({}), end]);
  });

  test('failed, when it had not come to its first line', () => {
    const unseen = at({ run: 7 * RUNS_OF_SANDBOX, atMs: 50 });
    expect(tell([next])).toEqual([unseen, { ...unseen, type: 'end', outcome: 'retry' }, next]);
  });

  test('leaves what was committed when somebody looked beside what had been seen by then', () => {
    const look = (lines: number) => ({ settled: new Map(), waited: new Set<string>(), lines });
    const { commits } = tellSandboxDeaths({ lines: [at({}), next], commits: [look(1), look(2)] }, [death]);
    expect(commits.map(({ lines }) => lines)).toEqual([1, 3]);
  });

  test('is nobody else\'s', () => {
    const lines = [at({ worker: 'other' }), at({ run: 9 * RUNS_OF_SANDBOX })];
    expect(tell(lines)).toEqual(lines);
  });
});

describe('what a schedule ran', () => {
  const run = (tickMs: number, startMs: number, endMs: number | null, id = `s@${tickMs}`): ScheduleRun => ({ id, schedule: 's', tickMs, startMs, endMs, aborted: false });
  const tick = (ms: number): string => new Date(ms).toISOString();

  test('is right when each tick that must ran once, and others only where they may', () => {
    expect(judgeRuns([{ schedule: 's', must: [1000, 2000], may: (at) => at > 2000, oneByOne: true }], [run(2000, 5, 9), run(1000, 1, 4), run(3000, 9, null)])).toEqual([]);
  });

  test.each([
    ['a tick did not run', [run(1000, 1, 2)], [`s did not run for ${tick(2000)}`]],
    ['a tick ran under two ids', [run(1000, 1, 2), run(1000, 3, 4, 'other'), run(2000, 5, 6)], [`s ran 2 times for ${tick(1000)}: s@1000, other`]],
    ['what ran is no tick', [run(1000, 1, 2), run(2000, 5, 6), run(4000, 7, 8)], [`s ran for ${tick(4000)}, which it is not to`]],
    ['two ran at once', [run(1000, 1, 7), run(2000, 5, 9)], ['s began s@2000 while s@1000 ran']],
  ])('is wrong when %s', (_what, runs, violations) => {
    expect(judgeRuns([{ schedule: 's', must: [1000, 2000], oneByOne: true }], runs)).toEqual(violations);
  });
});

describe('what subscribers were told', () => {
  const accepted = [{ id: 'a', entity: 'e', sequence: 1, partition: 0, offset: 0 }];
  const told = (id: string, job: string, body = 'it is done'): Told => ({ id, job, type: 'job.done', body, taken: true });

  test('is right when an end comes again as it was', () => {
    expect(judgeTold(accepted, [told('wh_1', 'a'), told('wh_1', 'a')])).toEqual([]);
  });

  test.each([
    ['it comes again under another id', [told('wh_1', 'a'), told('wh_2', 'a')], ['the end of e#1 was told under 2 ids: wh_1, wh_2']],
    ['it comes again as something else', [told('wh_1', 'a'), told('wh_1', 'a', 'it is dead')], ['wh_1 told 2 things: it is done | it is dead']],
    ['there is no such job', [told('wh_1', 'b')], ['b was told of, and there is no such job']],
  ])('is wrong when %s', (_what, all, violations) => {
    expect(judgeTold(accepted, all)).toEqual(violations);
  });
});

describe('effects in a database', () => {
  const accepted = [{ id: 'a', entity: 'e', sequence: 1, partition: 0, offset: 0 }];
  const row = (step: string, token = 1, job = 'a'): EffectRow => ({ job, step, lock: 'l', token });

  test('are right when each step of each job has one', () => {
    expect(judgeEffectRows(accepted, [row('whole'), row('part')])).toEqual([]);
  });

  test.each([
    ['one came twice', [row('whole'), row('part'), row('part')], ['e#1 had the effect of "part" 2 times']],
    ['one is missing', [row('whole')], ['e#1 had the effect of "part" 0 times']],
    ['a former holder of the lock wrote after the next', [row('whole', 2), row('part', 1)], ['a wrote under token 1 of l after 2 had']],
  ])('are wrong when %s', (_what, rows, violations) => {
    expect(judgeEffectRows(accepted, rows)).toEqual(violations);
  });
});
