import type { Command } from 'commander';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { parseDuration } from '../../../shared/jobs/duration.ts';
import { applyTopics, planTopics, type TopicChange, type TopicWishes } from '../../../shared/kafka/planTopics.ts';
import { findQueues } from '../../../shared/status/findQueues.ts';
import { addCommand, type Perform } from '../command.ts';
import { exitCodes } from '../exitCodes.ts';
import { readWhole } from '../read/readNumber.ts';
import type { Session } from '../session.ts';
import { renderTable } from '../show/table.ts';

interface Options {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly retention?: string;
  readonly force?: boolean;
}

/** What topics and settings should be, against what is. */
export function addTopicCommands(program: Command, perform: Perform): void {
  const topics = program.command('topics').summary('make queues\' topics what they should be').description('Makes queues\' topics what they should be: plan, apply');
  const declare = (command: Command): void => {
    command
      .option('--partitions <n>', 'of each topic (default: as the queue has, else 6)', readWhole('--partitions', 1, 100_000))
      .option('--replication-factor <n>', 'of each topic (default: as the queue has, else 3 or the number of brokers)', readWhole('--replication-factor', 1, 100))
      .option('--retention <duration>', 'how long the main topic keeps jobs, worked off or not (default 14d)');
  };
  addCommand<Options>(topics, perform, {
    usage: 'plan [queues...]',
    summary: 'what apply would do; exit code 1 if anything',
    description: 'Without names: all queues of the cluster. Changes nothing.',
    examples: ['topics plan', 'topics plan billing --partitions 12 --replication-factor 3'],
    options: declare,
    async action(session, [queues], options) {
      const changes = await planAll(session, queues as readonly string[], options);
      session.show.result({ changes }, () => renderChanges(changes));
      return changes.length === 0 ? exitCodes.ok : exitCodes.failed;
    },
  });
  addCommand<Options>(topics, perform, {
    usage: 'apply <queues...>',
    summary: 'create missing topics, set what differs, make partition numbers equal',
    description: 'What may lose something is done only with --force; the replication factor is left to you.',
    examples: ['topics apply billing', ['topics apply billing --partitions 24 --force', 'more partitions: entities change theirs']],
    options: (command) => {
      declare(command);
      command.option('--force', 'also what may lose something');
    },
    async action(session, [queues], options) {
      const changes = await planAll(session, queues as readonly string[], options);
      const risky = changes.filter(({ type, risk }) => risk !== null && type !== 'by-hand');
      if (risky.length > 0 && options.force !== true) {
        throw new MillraceError('NEEDS_FORCE', { at: risky.map(({ topic }) => topic).join(', '), got: risky.map(({ topic, risk }) => `${topic}: ${risk ?? ''}`).join('; '), fix: 'Look at it with topics plan; --force does it' });
      }
      await applyTopics(session.admin, changes);
      const left = changes.filter(({ type }) => type === 'by-hand');
      session.show.result({ applied: changes.filter(({ type }) => type !== 'by-hand'), left }, () => (changes.length === 0 ? 'nothing to do' : renderChanges(changes)));
      return left.length === 0 ? exitCodes.ok : exitCodes.failed;
    },
  });
}

async function planAll({ admin }: Session, names: readonly string[] | undefined, { partitions, replicationFactor, retention }: Options): Promise<TopicChange[]> {
  const queues = names === undefined || names.length === 0 ? await findQueues(admin) : names;
  const wishes: Omit<TopicWishes, 'queue'> = {
    ...(partitions === undefined ? {} : { partitions }), ...(replicationFactor === undefined ? {} : { replicationFactor }),
    ...(retention === undefined ? {} : { mainRetentionMs: parseDuration(retention, '--retention') }),
  };
  return (await Promise.all(queues.map((queue) => planTopics(admin, { ...wishes, queue })))).flat();
}

function renderChanges(changes: readonly TopicChange[]): string {
  if (changes.length === 0) return 'all is as it should be';
  const what = (change: TopicChange): string => {
    switch (change.type) {
      case 'create': return `${change.declaration.partitions} partitions, ${change.declaration.replicationFactor} replicas`;
      case 'add-partitions': return `${change.from} to ${change.to} partitions`;
      case 'set':
      case 'by-hand': return `${change.setting}: ${change.from} to ${change.to}`;
    }
  };
  return renderTable(changes, [['topic', ({ topic }) => topic], ['change', ({ type }) => type], ['what', what], ['risk', ({ risk }) => risk]]);
}
