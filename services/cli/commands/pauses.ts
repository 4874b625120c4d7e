import type { Command } from 'commander';
import { commandPause, listPauses } from '../../../shared/commands/pauses.ts';
import { formatScope } from '../../../shared/jobs/scope.ts';
import { addCommand, type Perform } from '../command.ts';
import { renderTable } from '../show/table.ts';

interface ScopeOptions {
  readonly kind?: string;
  readonly key?: string;
}

/** What stands still. */
export function addPauseCommands(program: Command, perform: Perform): void {
  const add = (command: 'pause' | 'resume', summary: string, description: string): void => {
    addCommand<ScopeOptions>(program, perform, {
      usage: `${command} <queue>`,
      summary,
      description,
      examples: [`${command} billing`, `${command} billing --kind order.charge`, `${command} billing --key 42`],
      options: (one) => { one.option('--kind <kind>', 'only this kind').option('--key <key>', 'only this entity'); },
      async action(session, [queue], { kind, key }) {
        const scope = { ...(kind === undefined ? {} : { kind }), ...(key === undefined ? {} : { key }) };
        const tools = await session.commandTools();
        await commandPause(tools, String(queue), command, scope);
        // The scan reads up to the command's own records at least.
        const left = command === 'pause' ? [] : (await listPauses(tools, String(queue))).map((one) => formatScope(one.scope));
        session.show.result({ queue, command, ...scope, ...(command === 'pause' ? {} : { stillPaused: left }) }, () => (
          `${command === 'pause' ? 'paused' : 'resumed'} ${kind ?? key ?? 'all'} of ${String(queue)}${left.length === 0 ? '' : `; still paused, each until it is resumed itself: ${left.join(', ')}`}`
        ));
      },
    });
  };
  add('pause', 'start nothing more of a queue, a kind or an entity', 'It holds through restarts, until resume with the same scope. What runs ends; what waits keeps its place.');
  add('resume', 'end a pause', 'What it held runs at once, in order. Other scopes stay paused.');
  addCommand(program, perform, {
    usage: 'pauses <queue>',
    summary: 'what of a queue is paused',
    examples: ['pauses billing'],
    async action(session, [queue]) {
      const pauses = (await listPauses(await session.commandTools(), String(queue))).map(({ scope, partitions }) => ({ scope: formatScope(scope), partitions }));
      session.show.result({ queue, pauses }, () => (pauses.length === 0 ? 'nothing is paused' : renderTable(pauses, [['scope', (one) => one.scope], ['partitions', (one) => one.partitions.join(',')]])));
    },
  });
}
