import type { Command } from 'commander';
import type { Buried } from '../../../shared/commands/buried.ts';
import { discardBuried, redriveBuried } from '../../../shared/commands/commandBuried.ts';
import { encodeEdit } from '../../../shared/commands/encodeEdit.ts';
import type { PaceOptions } from '../../../shared/commands/sendPaced.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { addCommand, type Perform } from '../command.ts';
import { exitCodes, type ExitCode } from '../exitCodes.ts';
import { declareDeadOptions, type DeadOptions } from '../read/deadOptions.ts';
import { readPositive } from '../read/readNumber.ts';
import { readPayload } from '../read/readPayload.ts';
import { selectDead } from '../read/selectDead.ts';
import type { Session } from '../session.ts';
import { cut, renderTable } from '../show/table.ts';

interface Options extends DeadOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly perSecond?: number;
  readonly edit?: string;
  readonly reason?: string;
}

/** What is done, in the words of its result. */
interface Deed {
  readonly done: 'redriven' | 'discarded';
  readonly remark: string;
}

type Send = (jobs: readonly Buried[], pace: PaceOptions<Buried>) => Promise<number>;

/** Of all that were commanded, so many are listed. */
const SHOWN = 1000;

/** Commands that end the death of jobs. */
export function addRedriveCommands(program: Command, perform: Perform): void {
  const declare = (command: Command): void => {
    declareDeadOptions(command);
    command
      .option('--all', 'all of the queue; needed where nothing else is selected')
      .option('--dry-run', 'only say which jobs are meant')
      .option('--per-second <n>', 'at most so many a second', readPositive('--per-second'));
  };
  addCommand<Options>(program, perform, {
    usage: 'redrive <queue>',
    summary: 'run dead jobs again, in their old place, with fresh attempts',
    description: 'A burial is redriven once, however often and by whomever it is asked for.',
    examples: [
      ['redrive billing --error ECONNREFUSED --from 2h --dry-run', 'which jobs would that be?'], 'redrive billing --kind order.charge --per-second 20 --max 500',
      ['redrive billing --id import-42 --edit @edited.json', 'with another payload; the dead-letter topic keeps the old one'],
    ],
    options: (command) => {
      declare(command);
      command.option('--edit <payload>', 'run with this payload instead: JSON, @file, or - for standard input; for exactly one job');
    },
    async action(session, [queue], options) {
      const tools = await session.commandTools();
      return act(session, String(queue), options, { done: 'redriven', remark: '. A burial that was redriven before is passed over' }, async (jobs, pace) => {
        const value = options.edit === undefined ? null : await editOne(session, jobs, options.edit);
        return redriveBuried(tools, String(queue), jobs, { ...pace, ...(value === null ? {} : { edit: () => value }) });
      });
    },
  });
  addCommand<Options>(program, perform, {
    usage: 'discard <queue>',
    summary: 'say of dead jobs that nobody will come back to them',
    description: 'They count as cancelled from then on; where one holds its lane, its entity\'s next jobs run.',
    examples: ['discard billing --id import-42 --reason "customer is gone"', 'discard billing --fingerprint 5f0c1b2e --dry-run'],
    options: (command) => {
      declare(command);
      command.option('--reason <text>', 'why, for the timeline');
    },
    async action(session, [queue], options) {
      const tools = await session.commandTools();
      return act(session, String(queue), options, { done: 'discarded', remark: '' }, (jobs, pace) => discardBuried(tools, String(queue), jobs, { ...pace, ...(options.reason === undefined ? {} : { reason: options.reason }) }));
    },
  });
}

/** Selects, and says or does it. */
async function act(session: Session, queue: string, options: Options, deed: Deed, send: Send): Promise<ExitCode> {
  mustSelect(queue, options);
  const jobs = await selectDead(session, queue, options);
  if (jobs.length === 0) {
    session.show.result({ queue, selected: 0, [deed.done]: 0, jobs: [] }, () => 'no dead job is selected');
    return exitCodes.notFound;
  }
  if (options.dryRun === true) {
    rehearse(session, queue, jobs, deed);
    return exitCodes.ok;
  }
  const sent = await sendShown(session, jobs, options, send);
  session.show.result({ queue, selected: jobs.length, [deed.done]: sent, jobs: jobs.slice(0, SHOWN).map(({ shown }) => shown) }, () => (
    `asked for ${sent} of ${jobs.length} to be ${deed.done}: Kafka has the commands, the workers carry them out when they read them${deed.remark}`
  ));
  return sent === jobs.length ? exitCodes.ok : exitCodes.failed;
}

/** That of a whole queue nothing is commanded by mistake. */
function mustSelect(queue: string, options: Options): void {
  const selecting = ['id', 'kind', 'error', 'fingerprint', 'key', 'tag', 'from', 'to'] as const;
  if (options.all === true || selecting.some((name) => options[name] !== undefined)) return;
  throw new MillraceError('BAD_USAGE', { at: queue, expected: `a selection (${selecting.map((name) => `--${name}`).join(', ')}) or --all`, got: 'neither' });
}

function rehearse({ show }: Session, queue: string, jobs: readonly Buried[], { done }: Deed): void {
  const shown = jobs.map((one) => one.shown);
  show.result({ queue, dryRun: true, selected: jobs.length, [done]: 0, jobs: shown }, () => (
    `${renderTable(shown, [['id', (job) => job.id], ['kind', (job) => job.kind], ['key', (job) => cut(job.key, 24)], ['error', (job) => cut(`${job.code ?? ''}: ${job.message ?? ''}`, 60)]])}\n${jobs.length} would be ${done}`
  ));
}

/** Sends the commands under a bar, until Ctrl-C. @returns how many Kafka has */
async function sendShown(session: Session, jobs: readonly Buried[], { perSecond }: Options, send: Send): Promise<number> {
  const { clock, show } = session;
  const startMs = clock.monotonic();
  let count = 0;
  const sent = (): void => {
    count += 1;
    const rate = count / Math.max(0.001, (clock.monotonic() - startMs) / 1000);
    show.bar.show({ done: count, total: jobs.length, perSecond: rate, leftMs: ((jobs.length - count) / rate) * 1000 });
  };
  try {
    return await session.interruptible((signal) => send(jobs, { signal, sent, ...(perSecond === undefined ? {} : { perSecond }) }));
  } finally {
    show.bar.clear();
  }
}

/** The new payload, written in the schema that the buried one was written in: what reads that, reads this. */
async function editOne(session: Session, jobs: readonly Buried[], given: string): Promise<Buffer> {
  const [one] = jobs;
  if (one === undefined || jobs.length > 1) throw new MillraceError('BAD_USAGE', { at: '--edit', expected: 'exactly one job to be selected', got: jobs.length, fix: 'Name it by --id' });
  const { host, registry, clock } = session;
  return encodeEdit({ registry, clock, claims: await session.claims() }, one, await readPayload(host, given), 'own');
}
