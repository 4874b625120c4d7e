import type { Command } from 'commander';
import { createCodec } from '../../../shared/avro/codec.ts';
import { openClaims } from '../../../shared/claims/openClaims.ts';
import { createClient } from '../../../shared/client/client.ts';
import { didYouMean } from '../../../shared/errors/didYouMean.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createPayloadForm } from '../../../shared/intake/payloadForm.ts';
import type { JobDefinition } from '../../../shared/jobs/jobDefinition.ts';
import { claimKeys } from '../../../shared/runtime/config/keys.ts';
import { loadJobs } from '../../../shared/runtime/loadJobs.ts';
import { addCommand, type Perform } from '../command.ts';
import { collect } from '../read/readNumber.ts';
import { kindOfRegistry, type BareKind } from '../read/kindOfRegistry.ts';
import { readPayload } from '../read/readPayload.ts';
import { readTime } from '../read/readTime.ts';
import type { Session } from '../session.ts';
import { renderFields } from '../show/table.ts';

interface Options {
  readonly queue?: string;
  readonly subject?: string;
  readonly jobs?: readonly string[];
  readonly key?: string;
  readonly id?: string;
  readonly unique?: string;
  readonly delay?: string;
  readonly runAt?: string;
}

export function addEnqueueCommand(program: Command, perform: Perform): void {
  addCommand<Options>(program, perform, {
    usage: 'enqueue <kind> <payload>',
    summary: 'enqueue one job',
    description: 'The payload is JSON: itself, @file, or - for standard input. Without --jobs the schema is the latest of --subject (default: the kind) in the registry, and --queue and --key say the rest.',
    examples: [
      ['enqueue order.charge \'{"orderId":"42","cents":990}\' --queue billing --subject shop.Order --key 42', 'no code needed: the registry knows the schema'],
      ['enqueue order.charge @order.json --jobs ./jobs.ts --delay 10m', 'queue and key as the definition says'],
      'enqueue order.charge - --jobs ./jobs.ts --id import-42 --unique 24h < order.json',
    ],
    options: (command) => {
      command
        .option('--jobs <module>', 'module that exports the kind\'s definition; several times for several', collect)
        .option('--queue <queue>', 'its queue, where no definition says it')
        .option('--subject <name>', 'subject of its schema in the registry, where no definition says it')
        .option('--key <key>', 'its entity; without a definition and without a key it has none, which only kinds with order "none" take')
        .option('--id <id>', 'its id; one is made when left out')
        .option('--unique <duration>', 'beside --id: doubles that come so long after it was settled are dropped')
        .option('--delay <duration>', 'not earlier than after this time ("90s", "2h")')
        .option('--run-at <time>', 'not earlier than then (RFC 3339)');
    },
    async action(session, [kind, given], options) {
      const { job, codec } = await findKind(session, String(kind), options);
      const payload = createPayloadForm(job.schema)(await readPayload(session.host, String(given)), 'payload');
      const largePayloads = await openClaims(session.settings(claimKeys));
      const client = createClient({ broker: session.broker, codec, source: '/millrace/cli', clientId: 'millrace-cli', deliveryTimeout: '10s', ...(largePayloads === null ? {} : { largePayloads }) });
      try {
        const { key, id, unique, delay, runAt } = options;
        const receipt = await client.enqueue(job, payload, {
          ...(key === undefined ? {} : { key }), ...(id === undefined ? {} : { id }), ...(unique === undefined ? {} : { unique }), ...(delay === undefined ? {} : { delay }),
          ...(runAt === undefined ? {} : { runAt: readTime('--run-at', runAt, session.clock.now()) }),
        });
        const { topic, partition, offset } = receipt;
        const at = `${topic}/${partition}/${offset}`;
        session.show.result({ id: receipt.id, kind: job.kind, queue: job.queue, at }, () => renderFields([['id', receipt.id], ['kind', job.kind], ['at', at]]));
      } finally {
        await client.close();
      }
    },
  });
}

async function findKind(session: Session, kind: string, { jobs, queue, subject, key }: Options): Promise<BareKind> {
  if (jobs === undefined) {
    if (queue === undefined) throw new MillraceError('BAD_USAGE', { at: '--queue', expected: 'the queue of the kind, or its definition by --jobs', got: 'neither' });
    return kindOfRegistry(session, kind, queue, subject ?? kind, key !== undefined);
  }
  const job = pickKind(await loadJobs(jobs, session.host.cwd), kind, queue);
  return { job, codec: createCodec({ registry: session.registry, clock: session.clock }) };
}

function pickKind(definitions: readonly JobDefinition[], kind: string, queue: string | undefined): JobDefinition {
  const found = definitions.filter((one) => one.kind === kind && (queue === undefined || one.queue === queue));
  const [first] = found;
  if (first === undefined) {
    const meant = didYouMean(kind, definitions.map((one) => one.kind));
    throw new MillraceError('UNKNOWN_KIND', { at: kind, ...(meant === null ? {} : { fix: `Did you mean ${meant}?` }) });
  }
  if (found.length > 1) throw new MillraceError('BAD_USAGE', { at: '--queue', expected: `one of ${found.map((one) => one.queue).join(', ')}`, got: 'nothing' });
  return first;
}
