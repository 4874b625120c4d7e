import type { Command } from 'commander';
import { readSchemaId } from '../../../shared/avro/wireFormat.ts';
import { findBuried, type Buried } from '../../../shared/commands/buried.ts';
import { isMillraceError, MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Headers } from '../../../shared/kafka/port.ts';
import { addCommand, type Perform } from '../command.ts';
import { declareDeadOptions, type DeadOptions } from '../read/deadOptions.ts';
import { selectDead } from '../read/selectDead.ts';
import type { Session } from '../session.ts';
import { ageText } from '../show/age.ts';
import { cut, renderFields, renderTable } from '../show/table.ts';

/** What lies in dead-letter topics. */
export function addDeadCommands(program: Command, perform: Perform): void {
  const dead = program.command('dead').summary('look at dead jobs').description('Looks at dead jobs: list, show');
  addCommand<DeadOptions>(dead, perform, {
    usage: 'list <queue>',
    summary: 'list the dead jobs of a queue, the last buried first',
    description: 'Reads the dead-letter topic; it keeps what was redriven or discarded since.',
    examples: ['dead list billing', 'dead list billing --kind order.charge --error ECONNREFUSED --from 2h', 'dead list billing --json | jq -r \'.jobs[].id\''],
    options: declareDeadOptions,
    async action(session, [queue], options) {
      const jobs = (await selectDead(session, String(queue), options)).map(({ shown }) => shown).toSorted((a, b) => b.buriedAt.getTime() - a.buriedAt.getTime());
      const now = session.clock.now();
      session.show.result({ queue, jobs }, () => (jobs.length === 0 ? '' : renderTable(jobs, [
        ['id', (job) => job.id], ['kind', (job) => job.kind], ['key', (job) => cut(job.key, 24)], ['buried', (job) => ageText(job.buriedAt, now)], ['reason', (job) => job.reason],
        ['attempts', (job) => job.attempts], ['fingerprint', (job) => job.fingerprint], ['error', (job) => cut(job.code === null ? job.message : `${job.code}: ${job.message ?? ''}`, 60)],
      ])));
      session.show.note(`${jobs.length === 1 ? '1 dead letter' : `${jobs.length} dead letters`}; jobs redriven or discarded since are among them: \`millrace jobs --queue ${String(queue)} --state dead\` lists those dead now`);
    },
  });
  addCommand(dead, perform, {
    usage: 'show <queue> <id>',
    summary: 'show one dead job: payload, headers, errors',
    examples: ['dead show billing 0199b3c2-7d4e-7cc1-9d0a-3f8f6f1a2b3c', ['dead show billing import-42 --json | jq .payload > edited.json', 'the beginning of a redrive with another payload']],
    async action(session, [queue, id]) {
      const found = (await findBuried(await session.commandTools(), String(queue))).filter(({ shown }) => shown.id === id);
      if (found.length === 0) throw new MillraceError('JOB_UNKNOWN', { at: `${String(id)} in ${String(queue)}.dlq` });
      const jobs = await Promise.all(found.map((one) => describe(session, one)));
      session.show.result(jobs.length === 1 ? jobs[0] : { jobs }, () => jobs.map((job) => renderDead(job, session.clock.now())).join('\n\n'));
    },
  });
}

type DeadView = Awaited<ReturnType<typeof describe>>;

async function describe(session: Session, { shown, job, burial }: Buried) {
  const { schema, payload, flaw } = await readPayloadOf(session, job.value);
  return {
    ...shown, at: `${job.origin.topic}/${shown.partition}/${shown.offset}`, failure: burial.failure, firstFailure: burial.firstFailure,
    schema, payload, payloadFlaw: flaw, headers: readableHeaders(job.headers),
  };
}

/** As its writer wrote it; what cannot be read is no failure here: it may be why the job died. */
async function readPayloadOf(session: Session, value: Buffer | null): Promise<{ schema: string | null; payload: unknown; flaw: string | null }> {
  const { decoder } = session;
  try {
    const followed = await (await session.claims()).follow(value);
    const schemaId = readSchemaId(followed);
    if (!decoder.knows(schemaId)) await decoder.load(schemaId);
    const { schemaName, payload } = decoder.decode(followed);
    return { schema: schemaName, payload, flaw: null };
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return { schema: null, payload: null, flaw: error.message };
  }
}

function readableHeaders(headers: Headers | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, (Array.isArray(value) ? value : [value]).map((one) => one?.toString() ?? '').join(', ')]));
}

function renderDead(job: DeadView, nowMs: number): string {
  const error = (failure: DeadView['failure']): string | null => (failure === null ? null : `${failure.code}: ${failure.message} (${ageText(new Date(failure.at), nowMs) ?? ''})`);
  return renderFields([
    ['id', job.id], ['kind', job.kind], ['key', job.key], ['at', job.at], ['buried', ageText(job.buriedAt, nowMs)], ['reason', job.reason], ['attempts', job.attempts],
    ['error', error(job.failure)], ['first error', error(job.firstFailure)], ['fingerprint', job.fingerprint], ['schema', job.schema],
    ['payload', job.payloadFlaw ?? JSON.stringify(job.payload, null, 2)], ['headers', renderFields(Object.entries(job.headers))],
  ]);
}
