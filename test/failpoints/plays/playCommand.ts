import { rm } from 'node:fs/promises';
import { isPoison } from '../../guarantees/process/workload.ts';
import type { AcceptedJob } from '../../guarantees/history.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import type { Leg } from '../leg.ts';
import { readCommanded } from './readLog.ts';

/** What may be said of buried heads; `edit`: redriven with another payload. */
export type HeadCommand = 'redrive' | 'edit' | 'discard';

/**
 * Lanes are held by buried heads; a command about these dies where it is to. What it got into Kafka is carried out, and nothing else changed: the
 * command is given again for the rest (an edit: for all, since a burial is redriven once, whatever is asked), and in the end all lanes are free.
 */
export async function playCommand(leg: Leg, armed: readonly Armed[], command: HeadCommand, trouble: Partial<Arming> = {}): Promise<void> {
  for (const one of armed.length === 0 ? [null] : armed) {
    await leg.enqueue();
    let dying = true;
    for (;;) {
      await leg.untilSettled();
      const heads = findHeads(leg);
      if (heads.length === 0 && !dying) break;
      await commandHeads(leg, heads, command, dying ? { armed: one, trouble } : null);
      dying = false;
    }
  }
}

async function commandHeads(leg: Leg, heads: readonly AcceptedJob[], command: HeadCommand, dying: { readonly armed: Armed | null; readonly trouble: Partial<Arming> } | null): Promise<void> {
  const { scene } = leg;
  const { queue } = scene.workload;
  await scene.until('the heads to be buried', async () => {
    const buried = new Set((await scene.millrace.listBuried(queue)).map(({ id }) => id));
    return heads.every(({ id }) => buried.has(id));
  });
  // All that could run is settled: none is between two attempts while its fate changes.
  if (command !== 'discard') await scene.mend();
  const program = { main: 'test/failpoints/victims/command.main.ts', arguments: [command, JSON.stringify(heads.map(({ id, entity, sequence }) => [id, entity, sequence]))] };
  if (dying !== null) await leg.untilGone(leg.spawn(program, dying.armed, dying.trouble), dying.trouble.darkFrom !== undefined);
  const commanded = command === 'edit' ? new Set<string>() : await readCommanded(scene);
  const left = new Set(heads.filter(({ partition, offset }) => !commanded.has(`${partition}/${offset}`)).map(({ id }) => id));
  if (left.size > 0) await scene.millrace[command === 'discard' ? 'discard' : 'redrive'](queue, ({ id }) => left.has(id));
  for (const { id } of heads) leg.freed.add(id);
  if (command === 'discard') return;
  await scene.until(`the jobs of ${leg.name} to be done`, () => {
    const done = new Set(scene.lines.filter(({ outcome }) => outcome === 'done').map(({ id }) => id));
    return scene.accepted.every(({ id, entity }) => !leg.owns(entity) || done.has(id));
  });
  await rm(scene.files.mendedFile, { force: true });
}

/** Of each entity the first job that holds its lane. */
function findHeads(leg: Leg): AcceptedJob[] {
  const { accepted, lines, workload } = leg.scene;
  const done = new Set(lines.filter(({ outcome }) => outcome === 'done').map(({ id }) => id));
  const open = accepted.filter(({ id, entity, sequence }) => leg.owns(entity) && isPoison(workload, entity, sequence) && !done.has(id) && !leg.freed.has(id));
  return [...Map.groupBy(open, ({ entity }) => entity).values()].map((jobs) => jobs.reduce((first, job) => (job.sequence < first.sequence ? job : first)));
}
