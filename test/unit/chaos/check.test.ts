import { describe, expect, test } from 'vitest';
import { collectCuts } from '../../chaos/check/cuts.ts';
import { checkEnqueued } from '../../chaos/check/enqueued.ts';
import { judgeRun, type RunFacts } from '../../chaos/check/judgeRun.ts';
import type { LoggedJob } from '../../chaos/check/mainLog.ts';
import { findStalls, type PartitionTimes } from '../../chaos/check/partitionTimes.ts';
import { calmPart, measureRecoveries } from '../../chaos/check/recovery.ts';
import { chaosWorkload } from '../../chaos/chaosKinds.ts';
import type { Handed } from '../../chaos/load/load.ts';
import type { Said } from '../../guarantees/process/workerParameters.ts';
import type { WitnessLine } from '../../guarantees/history.ts';

const logged = (id: string, partition: number, offset: number): LoggedJob => ({ id, entity: id.slice(0, id.indexOf('#')), partition, offset, timestampMs: 0 });
const acked = (partition: number, offset: number): Handed => ({ state: 'accepted', partition, offset, atMs: 0 });

describe('of what the producer was told', () => {
  test('an ack for what is not in the log is a loss', () => {
    expect(checkEnqueued(new Map([['a#1', acked(0, 0)]]), [])).toEqual([expect.stringContaining('nothing lost: a#1')]);
    expect(checkEnqueued(new Map([['a#1', acked(0, 1)]]), [logged('a#1', 0, 0)])).toHaveLength(1);
  });
  test('a refusal of what is in the log is a phantom, and so is what nobody enqueued', () => {
    expect(checkEnqueued(new Map([['a#1', { state: 'refused', code: 'X' }]]), [logged('a#1', 0, 0)])).toHaveLength(1);
    expect(checkEnqueued(new Map(), [logged('a#1', 0, 0)])).toEqual([expect.stringContaining('no phantom')]);
  });
  test('nothing binds what nobody knows of: it may be there, doubled, late or missing', () => {
    const handed = new Map<string, Handed>([['a#1', { state: 'unknown' }], ['a#2', acked(0, 0)], ['a#3', { state: 'unknown' }]]);
    expect(checkEnqueued(handed, [logged('a#2', 0, 0), logged('a#1', 0, 1), logged('a#1', 0, 2)])).toEqual([]);
  });
  test('an entity\'s acked jobs stand in their order, but for what is sent again, and for another partition', () => {
    const handed = new Map([['a#1', acked(0, 1)], ['a#2', acked(0, 0)]]);
    expect(checkEnqueued(handed, [logged('a#2', 0, 0), logged('a#1', 0, 1)])).toEqual([expect.stringContaining('enqueue order: a#1')]);
    expect(checkEnqueued(new Map([['a#1', acked(0, 0)], ['a#2', acked(0, 1)]]), [logged('a#1', 0, 0), logged('a#2', 0, 1), logged('a#1', 0, 2)])).toEqual([]);
    expect(checkEnqueued(new Map([['a#1', acked(1, 0)], ['a#2', acked(0, 0)]]), [logged('a#2', 0, 0), logged('a#1', 1, 0)])).toEqual([]);
  });
});

let clock = 1000;
function ran(id: string, place: string, more: Partial<WitnessLine> = {}): WitnessLine[] {
  const line = { entity: id.slice(0, id.indexOf('#')), sequence: Number(id.slice(id.indexOf('#') + 1)), id, place, attempt: 1, fence: 1, worker: 'w1', run: ++clock, round: 0, ...more };
  return [{ ...line, type: 'start', atMs: clock += 10 }, { ...line, type: 'end', outcome: 'done', atMs: clock += 10 }];
}

function facts(jobs: readonly LoggedJob[], lines: readonly WitnessLine[], more: Partial<RunFacts> = {}): RunFacts {
  const handed = new Map(jobs.map((job): [string, Handed] => [job.id, { state: 'unknown' }]));
  return { workload: { ...chaosWorkload, queue: 'q' }, handed, log: { jobs, buried: [] }, lines, sights: [], cuts: [], awakenings: [], flushWindowMs: 100, ...more };
}
const violationsOf = (given: RunFacts): string[] => judgeRun(given).violations.map(({ what }) => what);

describe('of what ran', () => {
  test('each record is a job of its own, also where two bear one id', () => {
    const jobs = [logged('a#1', 0, 0), logged('a#1', 0, 1)];
    expect(violationsOf(facts(jobs, [...ran('a#1', '0/0'), ...ran('a#1', '0/1')]))).toEqual([]);
    expect(violationsOf(facts(jobs, ran('a#1', '0/0')))).toEqual([expect.stringContaining('nothing lost')]);
  });
  test('an entity that moved when partitions were added has two lanes, and each keeps its order', () => {
    const jobs = [logged('a#1', 0, 0), logged('a#2', 1, 0), logged('a#3', 1, 1)];
    const [first, second, third] = [ran('a#1', '0/0'), ran('a#2', '1/0'), ran('a#3', '1/1')];
    expect(violationsOf(facts(jobs, [...ran('a#2', '1/0'), ...ran('a#3', '1/1'), ...ran('a#1', '0/0')]))).toEqual([]);
    expect(violationsOf(facts(jobs, [...third, ...first, ...second])).some((what) => what.startsWith('key order'))).toBe(true);
  });
  test('what has no record is a phantom', () => {
    expect(violationsOf(facts([], ran('a#1', '0/0')))).toEqual([expect.stringContaining('no phantom')]);
  });
  test('a repeat that nothing explains is told, with the lines of its job', () => {
    const { violations } = judgeRun(facts([logged('a#1', 0, 0)], [...ran('a#1', '0/0'), ...ran('a#1', '0/0', { worker: 'w2', fence: 2 })]));
    expect(violations.map(({ what }) => what)).toContainEqual(expect.stringContaining('bounded repeats'));
    expect(violations[0]?.slice).toHaveLength(4);
  });
  test('a worker may end as a zombie what it had begun, for a while after it woke; it begins nothing long after', () => {
    const jobs = [logged('a#1', 0, 0)];
    const owner = ran('a#1', '0/0', { worker: 'w2', fence: 2 });
    const zombie = ran('a#1', '0/0');
    const atMs = zombie[0]?.atMs ?? 0;
    const cuts = [{ type: 'frozen', worker: 'w1', atMs: 0 } as const];
    expect(violationsOf(facts(jobs, [...owner, ...zombie], { cuts, awakenings: [{ worker: 'w1', atMs: atMs - 100 }] }))).toEqual([]);
    expect(violationsOf(facts(jobs, [...owner, ...zombie], { cuts, awakenings: [{ worker: 'w1', atMs: atMs - 60_000 }] }))).toEqual([expect.stringContaining('zombie starts nothing')]);
  });
});

describe('of what excuses a repeat', () => {
  const lost = (worker: string, atMs: number): { worker: string; atMs: number; said: Said } => ({ worker, atMs, said: { type: 'lost', partitions: [1] } });
  const usual = { made: [], disturbances: [], flushWindowMs: 1000, sessionTimeoutMs: 10_000, patienceMs: 13_000 };

  test('an expulsion in a disturbance reaches back to its beginning', () => {
    const { cuts, unexplained } = collectCuts({ ...usual, heard: [lost('w1', 208_000)], disturbances: [{ fromMs: 195_000, toMs: 198_000 }] });
    expect(cuts).toEqual([{ type: 'expelled', worker: 'w1', atMs: 195_000, sinceMs: 194_000, untilMs: 218_000 }]);
    expect(unexplained).toEqual([]);
  });
  test('an expulsion that nothing explains is told', () => {
    expect(collectCuts({ ...usual, heard: [lost('w1', 200_000)], disturbances: [{ fromMs: 100_000, toMs: 110_000 }] }).unexplained).toHaveLength(1);
  });
  test('only a disturbance that outlasts a drain lets a hand-over go without it', () => {
    const heard = [{ worker: 'w1', atMs: 0, said: { type: 'ready' } as const }];
    expect(collectCuts({ ...usual, heard, disturbances: [{ fromMs: 100_000, toMs: 103_000 }] }).cuts).toEqual([]);
    expect(collectCuts({ ...usual, heard, disturbances: [{ fromMs: 100_000, toMs: 120_000 }] }).cuts).toEqual([expect.objectContaining({ type: 'outage', atMs: 100_000 })]);
  });
});

describe('of time', () => {
  const times: PartitionTimes = { arrivals: [0, 1000, 30_000], finishes: [500, 20_000, 31_000], moves: [400, 500, 20_000, 31_000] };
  const incident = (beginMs: number, healedMs: number) => ({ name: 'x', what: 'x', beginMs, healMs: healedMs, healedMs });

  test('a partition stalls while it has work and nothing moves, and not while it has none', () => {
    expect(findStalls(new Map([[3, times]]), 3000, 60_000)).toEqual([{ partition: 3, fromMs: 1000, toMs: 20_000 }]);
  });
  test('the part of a stall after the last heal is what nothing explains', () => {
    expect(calmPart({ partition: 3, fromMs: 1000, toMs: 20_000 }, [incident(500, 15_000)])).toBe(5000);
    expect(calmPart({ partition: 3, fromMs: 1000, toMs: 20_000 }, [incident(500, 25_000)])).toBe(0);
  });
  test('a fault is alone until all partitions are back', () => {
    const [first, second] = measureRecoveries([incident(1000, 10_000), incident(12_000, 13_000)], new Map([[3, times]]));
    expect(first).toMatchObject({ firstMs: 10_000, allMs: 10_000, isAlone: false });
    expect(second?.isAlone).toBe(false);
    expect(measureRecoveries([incident(1000, 10_000), incident(29_000, 30_500)], new Map([[3, times]])).map(({ isAlone }) => isAlone)).toEqual([true, true]);
  });
});
