import { expect, test } from 'vitest';
import { nameEntities, openScene } from './openScene.ts';
import { allKept } from './promises/everyPromise.ts';
import { findViolations } from './promises/guarantee.ts';

test('an attempt that runs for long holds back nobody\'s commits, and is found in the waiting room when its worker is killed', async () => {
  const long = { entity: 'entity-0', sequence: 3, ms: 60_000 };
  const scene = await openScene({ workload: { long } });
  await scene.enqueue(nameEntities(40), 10);
  const jobs = scene.accepted.length;
  const blocked = 8; // the long one, and those behind it
  const killed = await scene.startWorker({ frontierPatienceMs: 300 });
  await scene.untilDone(jobs - blocked);
  await scene.untilCommitted();
  const { waited } = await scene.sightCommits();
  const job = scene.accepted.find(({ entity, sequence }) => entity === long.entity && sequence === long.sequence);
  expect(waited).toContain(`${job?.partition}/${job?.offset}`);
  expect(scene.doneJobs).toBe(jobs - blocked);

  await scene.kill(killed);
  await scene.mend();
  const heir = await scene.startWorker({ frontierPatienceMs: 300 });
  await scene.until('the heir to open its partitions', () => heir.all('active').length === 6);
  expect(heir.all('active').map(({ waiting }) => waiting).reduce((sum, waiting) => sum + waiting, 0)).toBe(blocked);
  await scene.untilDone(jobs);
  const history = await scene.history();
  expect(findViolations(allKept, history)).toEqual([]);
  const starts = history.lines.filter(({ type, id }) => type === 'start' && id === job?.id);
  expect(starts.map(({ worker, attempt }) => `${worker}/${attempt}`)).toEqual([`${killed.workerId}/1`, `${heir.workerId}/1`]);
});
