import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { COMMIT_BOUNDARY, PUBLISH_BOUNDARY } from './failpoint.ts';
import { sample } from './sample.ts';
import { armSources } from './sources.ts';
import { stages, type Stage } from './stages.ts';
import { playTour } from './tour.ts';

const { points, code } = armSources();
/** About 45 s on a quiet machine of two cores. */
const TIMEOUT_MS = 300_000;

test('names in its sample points that there are', () => {
  expect(points).toEqual(expect.arrayContaining([`${COMMIT_BOUNDARY}.back`, `${PUBLISH_BOUNDARY}.left`]));
  expect(sample.map(({ point }) => point).filter((point) => !points.includes(point))).toEqual([]);
});

test('breaks no promise when a process dies at an await: a sample of the sweep', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-failpoints-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const codeFile = join(folder, 'code.json');
  await writeFile(codeFile, JSON.stringify(code));
  const tours = [...Map.groupBy(sample, ({ stage }) => stage)].map(([name, visits]) => playTour({
    brokers: inject('brokers'), registryUrl: inject('registryUrl'), databaseUrl: inject('databaseUrl'), codeFile,
    stage: stages.find((stage) => stage.name === name) as Stage,
    legs: visits.map((visit) => [visit]),
  }));
  const reports = await Promise.all(tours);
  expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
  expect(reports.flatMap(({ legs }) => legs).filter(({ died }) => died[0] !== true), 'each did die at its point').toEqual([]);
}, TIMEOUT_MS);
