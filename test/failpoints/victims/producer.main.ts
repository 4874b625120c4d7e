/**
 * An application that enqueues: lists and single jobs, so many of each of the entities given as arguments. Each receipt is with the kernel before anything else
 * happens; what the process was killed before is not promised to anybody.
 */
import { appendFileSync } from 'node:fs';
import { createMillrace } from '../../../shared/millrace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { defineStep, stepPayload } from '../../guarantees/process/stepJob.ts';
import { largePayloadsIn, mixedPayload } from '../claims.ts';
import { readVictim } from './parameters.ts';

const { brokers, registryUrl, workload, witnessFile: receiptFile } = readVictim();
const [count, ...entities] = process.argv.slice(2);
const jobs = Number(count);
const job = defineStep(workload, { worker: 'producer', write: () => undefined, isMended: () => false, nowMs: () => 0 });
// With a folder for large payloads it has some.
const { FAILPOINT_FOLDER: folder } = process.env;
const payloadOf = folder === undefined ? stepPayload : mixedPayload;
const millrace = createMillrace({ brokers, registryUrl, ...(folder === undefined ? {} : { largePayloads: largePayloadsIn(folder) }), topics: { partitions: 6, replicationFactor: 1 }, logger: createLogger({ level: 'silent', service: 'producer', clock: systemClock }) });
const note = (sequence: number, entity: string, { id, partition, offset }: { readonly id: string; readonly partition: number; readonly offset: number }): void => {
  appendFileSync(receiptFile, `${JSON.stringify({ id, entity, sequence, partition, offset })}\n`);
};

process.stdin.on('end', () => { process.exit(1); }).resume();
const half = entities.length >> 1;
// One list of many jobs, and jobs one by one beside it.
const list = entities.slice(0, half).flatMap((entity) => Array.from({ length: jobs }, (_, index) => ({ entity, sequence: index + 1 })));
await Promise.all([
  millrace.enqueueMany(job, list.map(({ entity, sequence }) => payloadOf(entity, sequence))).then((receipts) => {
    for (const [index, receipt] of receipts.entries()) note(list[index]?.sequence ?? 0, list[index]?.entity ?? '', receipt);
  }),
  ...entities.slice(half).flatMap((entity) => Array.from({ length: jobs }, async (_, index) => {
    note(index + 1, entity, await millrace.enqueue(job, payloadOf(entity, index + 1)));
  })),
]);
globalThis.__failpoint.phase = 'stop';
await millrace.close();
process.exit(0);
