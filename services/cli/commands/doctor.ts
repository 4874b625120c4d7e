import type { Command } from 'commander';
import { checkClock } from '../../../shared/doctor/checkClock.ts';
import { checkCluster } from '../../../shared/doctor/checkCluster.ts';
import { checkNode } from '../../../shared/doctor/checkNode.ts';
import { checkProtocol } from '../../../shared/doctor/checkProtocol.ts';
import { judgeQueue, readQueueHealth } from '../../../shared/doctor/checkQueue.ts';
import { checkRegistry } from '../../../shared/doctor/checkRegistry.ts';
import { ok, trouble, type Finding } from '../../../shared/doctor/finding.ts';
import { isMillraceError } from '../../../shared/errors/MillraceError.ts';
import { findQueues } from '../../../shared/status/findQueues.ts';
import { addCommand, type Perform } from '../command.ts';
import { exitCodes } from '../exitCodes.ts';
import type { Session } from '../session.ts';
import { renderTable } from '../show/table.ts';

interface Options {
  readonly strict?: boolean;
  readonly readOnly?: boolean;
}

export function addDoctorCommand(program: Command, perform: Perform): void {
  addCommand<Options>(program, perform, {
    usage: 'doctor [queues...]',
    summary: 'look for what is wrong, and say what to do',
    description: 'Looks at the versions of Node and of the brokers, the cluster, the clock, registry, status service, and of each queue (default: all) at topics, workers and backlog. Exit code 1 if anything fails. To read the broker\'s clock it makes a topic for a moment.',
    examples: ['doctor', 'doctor billing --json', ['doctor --strict --read-only', 'for a pipeline: warnings count too, and nothing is made']],
    options: (command) => { command.option('--strict', 'exit code 1 for warnings too').option('--read-only', 'make no topic: the clock is not looked at'); },
    async action(session, [queues], { strict, readOnly }) {
      const findings = await examine(session, queues as readonly string[], readOnly === true);
      session.show.result({ findings }, () => renderTable(findings, [['', ({ level }) => level], ['check', ({ check }) => check], ['says', ({ says }) => says], ['do', ({ fix }) => fix]]));
      const bad = findings.some(({ level }) => level === 'fail' || (strict === true && level === 'warn'));
      return bad ? exitCodes.failed : exitCodes.ok;
    },
  });
}

async function examine(session: Session, names: readonly string[] | undefined, readOnly: boolean): Promise<Finding[]> {
  const { admin, clock, host } = session;
  const findings: Finding[] = [checkNode(host.nodeVersion)];
  const reached = await guard('kafka', () => checkCluster(admin));
  findings.push(...reached);
  const kafka = !reached.some(({ level }) => level === 'fail');
  if (kafka) findings.push(...await guard('kafka: versions', () => checkProtocol(admin)));
  if (kafka && !readOnly) findings.push(...await guard('clock', async () => checkClock(await session.commandTools(), clock)));
  findings.push(...await guard('registry', () => checkRegistry(session.registryUrl)));
  findings.push(...await guard('status', () => checkStatus(session)));
  if (!kafka) return findings;
  const queues = names === undefined || names.length === 0 ? await findQueues(admin) : names;
  for (const queue of queues) findings.push(...await guard(`${queue}: topics`, async () => judgeQueue(await readQueueHealth(admin, queue, clock.now()))));
  if (queues.length === 0) findings.push(trouble('queues', 'warn', 'there are none', 'millrace topics apply <queue>, or start a worker'));
  return findings;
}

/** What cannot be looked at is a finding too. */
async function guard(check: string, look: () => Promise<Finding | Finding[]>): Promise<Finding[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return [trouble(check, 'fail', error.message, error.retriable ? 'Try again; if it stays so, look at the network and the address' : 'See the message')];
  }
}

async function checkStatus({ status, statusUrl }: Session): Promise<Finding> {
  try {
    const { queues } = await status.get<{ queues: readonly { queue: string; statusLag: number | null }[] }>('/v1/queues');
    const behind = queues.filter(({ statusLag }) => (statusLag ?? 0) > 10_000);
    if (behind.length > 0) return trouble('status', 'warn', `behind by ${behind.map(({ queue, statusLag }) => `${statusLag} records of ${queue}`).join(', ')}`, 'Look at its log; several instances share the work');
    return ok('status', `${statusUrl} knows ${queues.length} queues`);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return trouble('status', 'warn', `${statusUrl} does not answer`, 'Start it: npx millrace-status; status, explain, jobs and tags need it');
  }
}
