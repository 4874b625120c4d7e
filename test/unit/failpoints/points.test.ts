import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { createContext, runInContext } from 'node:vm';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { Failpoints, type Armed } from '../../failpoints/failpoint.ts';
import { instrument } from '../../failpoints/instrument.ts';
import { planPairs, planVisits } from '../../failpoints/planSweep.ts';
import { readSweptSources } from '../../failpoints/sources.ts';

const swept = readSweptSources();

/** Every `await` of a source, that of `for await` too. */
function countAwaits(text: string): number {
  let count = 0;
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) count++;
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('x.ts', text, ts.ScriptTarget.ESNext, true));
  return count;
}

test('no await of a production source is without a point, and what is instrumented is still a program', () => {
  expect(swept.length).toBeGreaterThan(100);
  for (const { file, text } of swept.filter((one) => /await|then|after|queueMicrotask/.test(one.text))) {
    const armed = instrument(file, text);
    expect(armed.awaits, file).toBe(countAwaits(text));
    expect(new Set(armed.points).size, `${file}: each point has a name of its own`).toBe(armed.points.length);
    expect(armed.source.split('\n').length, `${file}: stack traces keep their lines`).toBe(text.split('\n').length);
    if (armed.points.length > 0) expect(() => stripTypeScriptTypes(armed.source), file).not.toThrow();
  }
});

test('production knows nothing of failpoints', () => {
  expect(swept.filter(({ text }) => text.includes('__failpoint')).map(({ file }) => file)).toEqual([]);
  const { files, dependencies } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { files: string[]; dependencies: Record<string, string> };
  expect(files.filter((file) => file.startsWith('test'))).toEqual([]);
  expect(dependencies['typescript']).toBeUndefined();
});

const SOURCE = `
async function work(log, ask) {
  log('begun');
  const answer = await ask();
  log('went on with ' + answer);
  await ask().then((value) => { log('reacted to ' + value); });
  try { await Promise.reject(new Error('no')); } catch { log('caught'); }
  for await (const turn of [1, 2]) { log('turn ' + turn); }
  for await (const turn of [3]) await log('turn ' + turn);
}
work;
`;

async function run(armed: Armed | null): Promise<{ log: string[]; visits: string[] }> {
  const log: string[] = [];
  let dead = false;
  const failpoints = new Failpoints({ armed, recording: true, die: () => { dead = true; } });
  const say = (line: string): void => { if (!dead) log.push(line); };
  const context = createContext({ __failpoint: failpoints, Promise, Error });
  const work = runInContext(instrument('a.ts', SOURCE).source, context) as (log: (line: string) => void, ask: () => Promise<number>) => Promise<void>;
  await work(say, () => {
    say('asked');
    return Promise.resolve(7);
  });
  return { log, visits: [...failpoints.visits.keys()] };
}

describe('a process that is armed', () => {
  const all = ['begun', 'asked', 'went on with 7', 'asked', 'reacted to 7', 'caught', 'turn 1', 'turn 2', 'turn 3'];

  test.each<[string, number, number]>([
    ['work#1.before', 1, 1],
    ['work#1.left', 1, 2],
    ['work#1.back', 1, 2],
    ['work#3.called', 1, 4],
    ['work#3.returned', 1, 5],
    ['work#4.failed', 1, 5],
    ['work#5.next', 1, 6],
    ['work#5.next', 2, 7],
    ['work#6.next', 1, 8],
    ['work#7.left', 1, 9],
  ])('dies at %s (visit %i) after what came before, and before all that comes then', async (point, nth, lines) => {
    expect((await run({ point: `a.ts:${point}`, phase: 'start', nth })).log).toEqual(all.slice(0, lines));
  });

  test('lives when its point is of another phase', async () => {
    expect((await run({ point: 'a.ts:work#1.back', phase: 'stop', nth: 1 })).log).toEqual(all);
  });

  test('dies in whatever phase when none is named', async () => {
    expect((await run({ point: 'a.ts:work#1.back', phase: 'any', nth: 1 })).log).toEqual(all.slice(0, 2));
  });

  test('tells every point that it comes to, and no other', async () => {
    const { visits } = await run(null);
    expect(visits).toContain('start a.ts:work#4.failed');
    expect(visits).not.toContain('start a.ts:work#4.back');
    expect(visits).not.toContain('start a.ts:work#1.failed');
  });
});

describe('the plan of a sweep', () => {
  const stages = [
    { name: 'work', isBase: true, reach: new Map([['start a#1.before', 9], ['run a#1.before', 9], ['run a#2.back', 1]]) },
    { name: 'network', isBase: false, reach: new Map([['run a#1.before', 3], ['run a#2.failed', 3], ['stop a#2.failed', 3]]) },
  ];

  test('visits each phase of a point in a base stage, and elsewhere only points that are new', () => {
    expect(planVisits(stages, 1).map(({ stage, phase, point }) => `${stage}: ${phase} ${point}`)).toEqual([
      'work: start a#1.before', 'work: run a#1.before', 'work: run a#2.back', 'network: any a#2.failed',
    ]);
    for (const { nth } of planVisits(stages, 5)) expect(nth).toBeLessThanOrEqual(3);
  });

  test('visits again what a stage is said to revisit, in the phase named', () => {
    const again = planVisits([...stages, { name: 'wishes', isBase: false, revisits: /^run a#1/, reach: new Map([['start a#1.before', 1], ['run a#1.before', 1]]) }], 1);
    expect(again.slice(4).map(({ stage, phase, point }) => `${stage}: ${phase} ${point}`)).toEqual(['wishes: run a#1.before']);
  });

  test('pairs visits of one stage, the same ones for one seed', () => {
    const visits = planVisits(stages, 1);
    const pairs = planPairs(visits, 20, 1);
    expect(pairs.length).toBe(20);
    for (const [first, second] of pairs) expect(first.stage).toBe(second.stage);
    expect(planPairs(visits, 20, 1)).toEqual(pairs);
    expect(planPairs(visits, 20, 2)).not.toEqual(pairs);
  });
});
