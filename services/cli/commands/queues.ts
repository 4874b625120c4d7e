import type { Command } from 'commander';
import { isMillraceError, MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Admin } from '../../../shared/kafka/port.ts';
import { findQueues } from '../../../shared/status/findQueues.ts';
import { addCommand, type Perform } from '../command.ts';
import { ageText } from '../show/age.ts';
import { renderTable } from '../show/table.ts';

/** A queue as the status service tells it; fields may be added. */
interface QueueView {
  readonly queue: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly lag: number | null;
  readonly oldestQueuedAt: string | null;
  readonly perMinute: Readonly<Record<string, number>>;
  readonly workers: readonly { readonly worker: string }[];
}

interface BareQueue {
  readonly queue: string;
  readonly partitions: number;
  readonly lag: number;
  readonly members: number;
}

export function addQueueCommand(program: Command, perform: Perform): void {
  addCommand<{ readonly direct?: boolean }>(program, perform, {
    usage: 'queues [queue]',
    summary: 'list queues with their figures',
    description: 'Asks the status service; with --direct, or where that does not answer, Kafka, which knows less.',
    examples: ['queues', 'queues billing --json', ['queues --direct', 'partitions, lag and workers, from Kafka']],
    options: (command) => { command.option('--direct', 'ask Kafka, not the status service'); },
    async action(session, [queue], { direct }) {
      const { status, show, admin, clock } = session;
      const name = queue === undefined ? null : String(queue);
      if (direct !== true) {
        try {
          const queues = name === null ? (await status.get<{ queues: readonly QueueView[] }>('/v1/queues')).queues : [await status.get<QueueView>(`/v1/queues/${encodeURIComponent(name)}`)];
          const count = (state: string) => (one: QueueView): number => one.counts[state] ?? 0;
          show.result({ source: 'status', queues }, () => renderTable(queues, [
            ['queue', (one) => one.queue], ...(['queued', 'running', 'waiting', 'scheduled', 'dead', 'done'] as const).map((state) => [state, count(state)] as const),
            ['lag', (one) => one.lag], ['done/min', (one) => Math.round(one.perMinute['done'] ?? 0)], ['workers', (one) => one.workers.length], ['oldest queued', (one) => ageText(one.oldestQueuedAt, clock.now())],
          ]));
          return;
        } catch (error) {
          if (!isMillraceError(error, 'STATUS_UNAVAILABLE')) throw error;
          show.note('The status service does not answer; this is what Kafka knows.');
        }
      }
      const names = (await findQueues(admin)).filter((one) => name === null || one === name);
      if (name !== null && names.length === 0) throw new MillraceError('QUEUE_UNKNOWN', { at: name });
      const queues = await Promise.all(names.map((one) => readBareQueue(admin, one)));
      show.result({ source: 'kafka', queues }, () => renderTable(queues, [['queue', (one) => one.queue], ['partitions', (one) => one.partitions], ['lag', (one) => one.lag], ['workers', (one) => one.members]]));
    },
  });
}

async function readBareQueue(admin: Admin, queue: string): Promise<BareQueue> {
  const group = `millrace.${queue}`;
  const [bounds, committed, members] = await Promise.all([admin.logBounds(queue), admin.committed(group, queue), admin.groupMembers(group)]);
  const lag = bounds.reduce((sum, { partition, startOffset, endOffset }) => {
    const at = committed.find((one) => one.partition === partition)?.position?.offset ?? startOffset;
    return sum + Math.max(0, endOffset - Math.max(at, startOffset));
  }, 0);
  return { queue, partitions: bounds.length, lag, members: members.length };
}
