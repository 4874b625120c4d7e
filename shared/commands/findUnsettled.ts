import { decodeSettled } from '../engine/commitMetadata.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { readJobId, readRetryRecord } from '../kafka/envelope.ts';
import type { Admin } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import { queueTopicNames } from '../kafka/topics.ts';
import type { JobPlace } from './commandJobs.ts';
import { createCommandId, type CommandTools } from './commandTools.ts';

/** A job as a command names it: by where it stands, or by its id alone, which wants a look at what of the queue is not settled. */
export type JobRef = JobPlace | string;

/** Turns ids among the jobs into places; what is none passes. Without ids nothing is read. @throws MillraceError as {@link findUnsettled} */
export async function placesOf(tools: CommandTools, queue: string, jobs: readonly JobRef[]): Promise<JobPlace[]> {
  const ids = jobs.filter((job) => typeof job === 'string');
  const found = ids.length === 0 ? [] : await findUnsettled(tools, queue, ids);
  return [...jobs.filter((job) => typeof job !== 'string'), ...found];
}

/**
 * Where jobs stand of which only the ids are known: those that no worker has settled yet, in the main topic behind what is committed, and in the waiting
 * room. Several, where an id was given several times. One that has ended while it was in the waiting room may still be found. Reads the whole backlog and the whole room.
 * @throws MillraceError JOB_UNKNOWN: an id has no such job, for it is over, or was never in this queue; TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function findUnsettled(tools: CommandTools, queue: string, ids: readonly string[], group = `millrace.${queue}`): Promise<JobPlace[]> {
  const { broker, admin } = tools;
  const { main, retry } = queueTopicNames(queue);
  const wanted = new Set(ids);
  const found = new Map<string, JobPlace>();
  const note = (id: string, partition: number, offset: number): void => { if (wanted.has(id)) found.set(`${partition}/${offset}`, { id, partition, offset }); };
  // The commits first: what is settled or moves into the room after them is in one of the ranges still.
  const [ofMain, ofRetry] = await Promise.all([main, retry].map((topic) => readUncommitted(admin, group, topic)));
  await Promise.all([
    scanTopic({
      broker, admin, topic: main, ranges: ofMain?.ranges ?? new Map(), scanId: createCommandId(tools),
      visit(partition, { offset, headers }) {
        if (ofMain?.settled.get(partition)?.has(offset) !== true) note(readJobId(headers, main, partition, offset), partition, offset);
      },
    }),
    scanTopic({
      broker, admin, topic: retry, ranges: ofRetry?.ranges ?? new Map(), scanId: createCommandId(tools),
      visit(partition, record) {
        const read = readRetryRecord(record, main, partition, 0);
        if (read.type === 'wait') note(read.job.id, partition, read.job.origin.offset);
      },
    }),
  ]);
  const missing = ids.find((id) => ![...found.values()].some((one) => one.id === id));
  if (missing !== undefined) throw new MillraceError('JOB_UNKNOWN', { at: `${missing} in ${queue}`, fix: 'No job of that id is waited for: it is over, or was never in this queue' });
  return [...found.values()];
}

interface Uncommitted {
  readonly ranges: ReadonlyMap<number, { readonly from: number; readonly to: number }>;
  /** Offsets above the committed one that are settled; of the main topic. */
  readonly settled: ReadonlyMap<number, ReadonlySet<number>>;
}

async function readUncommitted(admin: Admin, group: string, topic: string): Promise<Uncommitted> {
  const committed = new Map((await admin.committed(group, topic)).map(({ partition, position }) => [partition, position]));
  const bounds = await admin.logBounds(topic);
  return {
    ranges: new Map(bounds.map(({ partition, startOffset, endOffset }) => [partition, { from: Math.max(startOffset, committed.get(partition)?.offset ?? 0), to: endOffset }])),
    settled: new Map([...committed].flatMap(([partition, position]) => (position === null ? [] : [[partition, decodeSettled(position.offset, position.metadata)]]))),
  };
}
