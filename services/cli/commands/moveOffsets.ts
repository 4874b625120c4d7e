import type { Command } from 'commander';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { moveOffsets, type MovedOffsets, type MoveTarget } from '../../../shared/moveOffsets/moveOffsets.ts';
import { addCommand, type Perform } from '../command.ts';
import { readTime } from '../read/readTime.ts';
import { renderTable } from '../show/table.ts';

interface Options {
  readonly to?: string;
  readonly offset?: ReadonlyMap<number, number>;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function addMoveOffsetsCommand(program: Command, perform: Perform): void {
  addCommand<Options>(program, perform, {
    usage: 'move-offsets <queue>',
    summary: 'let a queue\'s own workers begin elsewhere, while none of them is alive',
    description: 'Back: the jobs from there on run again, in order. Forward: jobs that are passed over never run, which wants --force. What waits stays in the waiting room. To run history again beside a live queue, use replay.',
    examples: [['move-offsets billing --to 2h --dry-run', 'how many jobs would run again, or never'], 'move-offsets billing --to 2026-02-28T12:00:00Z', 'move-offsets billing --offset 3:1000 --offset 4:980', 'move-offsets billing --to end --force'],
    options: (command) => {
      command
        .option('--to <where>', '"beginning", "end", or a time: RFC 3339, or how long ago ("2h")')
        .option('--offset <partition:offset>', 'of one partition; several times for several', collectOffset)
        .option('--dry-run', 'only say what would happen')
        .option('--force', 'also skip jobs that have not run');
    },
    async action(session, [queue], { to, offset, dryRun = false, force = false }) {
      const tools = await session.commandTools();
      const answer = await moveOffsets({ ...tools, registry: session.registry, clock: session.clock }, String(queue), readTarget(to, offset, session.clock.now()), { dryRun, force });
      session.show.result({ queue, dryRun, ...answer }, () => render(answer, dryRun));
    },
  });
}

function readTarget(to: string | undefined, offset: ReadonlyMap<number, number> | undefined, nowMs: number): MoveTarget {
  if ((to === undefined) === (offset === undefined)) throw new MillraceError('BAD_USAGE', { at: '--to', expected: 'either --to or --offset', got: to === undefined ? 'neither' : 'both' });
  if (offset !== undefined) return { offsets: offset };
  return to === 'beginning' || to === 'end' ? to : { time: readTime('--to', to ?? '', nowMs) };
}

function collectOffset(text: string, before: ReadonlyMap<number, number> | undefined): Map<number, number> {
  const match = /^(\d{1,6}):(\d{1,15})$/.exec(text);
  if (match === null) throw new MillraceError('BAD_USAGE', { at: '--offset', expected: 'partition:offset, such as "3:1000"', got: text });
  if (before?.has(Number(match[1])) === true) throw new MillraceError('BAD_USAGE', { at: '--offset', expected: 'one offset of each partition', got: `a second one of partition ${match[1] ?? ''}: ${text}` });
  return new Map([...(before ?? []), [Number(match[1]), Number(match[2])]]);
}

function render({ partitions, again, skipped, moved }: MovedOffsets, dryRun: boolean): string {
  if (partitions.length === 0) return 'the offsets are there already';
  return [
    renderTable(partitions, [['partition', (one) => one.partition], ['from', (one) => one.from], ['to', (one) => one.to], ['run again', (one) => one.again], ['never run', (one) => one.skipped], ['waiting', (one) => one.waiting]]),
    `${dryRun ? 'would be moved' : moved ? 'moved' : 'not moved'}: ${again} jobs run again, ${skipped} never run`,
  ].join('\n');
}
