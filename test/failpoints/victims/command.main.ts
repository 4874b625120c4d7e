/** An operator's command, and what it is about as JSON. */
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { defineStep, stepPayload } from '../../guarantees/process/stepJob.ts';
import type { HeadCommand } from '../plays/playCommand.ts';
import type { MoveWish } from '../plays/playMove.ts';
import { giveWishes, type Wishes } from '../plays/wishes.ts';
import { readVictim } from './parameters.ts';

const { brokers, registryUrl, workload } = readVictim();
const { queue } = workload;
const [command, about = ''] = process.argv.slice(2) as [HeadCommand | 'wishes' | 'move', string?];
const millrace = createMillrace({ brokers, registryUrl, logger: createLogger({ level: 'silent', service: 'command', clock: systemClock }) });

process.stdin.on('end', () => { process.exit(1); }).resume();
if (command === 'wishes') await giveWishes(millrace, queue, JSON.parse(about) as Wishes);
else if (command === 'move') {
  const { offsets } = JSON.parse(about) as MoveWish;
  await millrace.moveOffsets(queue, offsets === null ? 'end' : { offsets: new Map(offsets) }, { force: true });
} else {
  const steps = new Map((JSON.parse(about) as (readonly [id: string, entity: string, sequence: number])[])
    .map(([id, entity, sequence]) => [id, stepPayload(entity, sequence)] as const));
  const buried = await millrace.listBuried(queue);
  if (![...steps.keys()].every((id) => buried.some((job) => job.id === id))) throw new Error('some of the jobs are not buried');
  const job = defineStep(workload, { worker: 'command', write: () => undefined, isMended: () => false, nowMs: () => 0 });
  switch (command) {
    case 'redrive':
      await millrace.redrive(queue, ({ id }) => steps.has(id));
      break;
    case 'edit':
      await millrace.redrive(queue, ({ id }) => steps.has(id), { edit: ({ id }) => [job, { ...steps.get(id), city: 'Bergen' }] });
      break;
    case 'discard':
      await millrace.discard(queue, ({ id }) => steps.has(id));
      break;
  }
}
globalThis.__failpoint.phase = 'stop';
await millrace.close();
process.exit(0);
