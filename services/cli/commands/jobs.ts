import type { Command } from 'commander';
import { commandJobs } from '../../../shared/commands/commandJobs.ts';
import { addCommand, type Perform } from '../command.ts';
import { findPlace } from '../read/findPlace.ts';

/** Commands at single jobs that are not over. */
export function addJobCommands(program: Command, perform: Perform): void {
  const add = (command: 'cancel' | 'run-now', summary: string, description: string, told: string): void => {
    addCommand<{ readonly at?: string }>(program, perform, {
      usage: `${command} <id>`,
      summary,
      description: `${description} Resolves when Kafka has the command; its partition's worker carries it out when it reads it, which is soon.`,
      examples: [`${command} 0199b3c2-7d4e-7cc1-9d0a-3f8f6f1a2b3c`, [`${command} import-42 --at billing/3/1027`, 'without the status service']],
      options: (one) => { one.option('--at <place>', 'where its record stands, as enqueue says it (queue/partition/offset); else the status service is asked'); },
      async action(session, [id], { at }) {
        const { queue, over, ...place } = await findPlace(session, String(id), at);
        if (over !== null) session.show.note(`${place.id} is ${over}, as the status has it, and then stays so`);
        await commandJobs(await session.commandTools(), queue, command, [place]);
        session.show.result({ id: place.id, command, at: `${queue}/${place.partition}/${place.offset}` }, () => `${told} ${place.id}`);
      },
    });
  };
  add('cancel', 'cancel a job', 'One that does not run is gone, and its entity\'s next job runs; of one that runs, the handler\'s signal is aborted. One that is over stays what it is.', 'asked to cancel');
  add('run-now', 'run a waiting job now', 'Makes a job that waits for a time (a retry, a snooze, a lock, a schedule) due now. A dead one wants redrive.', 'asked to run');
}
