import type { AcceptedJob, BuriedCopy, CommitSight, WitnessLine } from '../../guarantees/history.ts';
import { isBatchEntity } from '../chaosKinds.ts';
import type { LoggedJob, MainLog } from './mainLog.ts';

/** The log and the witness in the words of a history: a job is a record, an entity is its part in one partition, a job's number its place there. */
export interface PlacedHistory {
  readonly accepted: AcceptedJob[];
  readonly lines: WitnessLine[];
  readonly commits: CommitSight[];
  readonly buried: BuriedCopy[];
  /** What ran without a record in the main topic. */
  readonly phantoms: string[];
  /** Records whose id another record bears too: sent again, for an ack was lost. */
  readonly doubled: number;
}

/**
 * Two records may bear one id, and each is a job that is promised to run; so a record is told by its place. An entity's jobs in another partition,
 * after partitions were added, are another lane: no order is promised between the two. Members of batches do not know their place: the doubled ones
 * among them are left out.
 */
export function placeLines({ jobs, buried }: MainLog, witness: readonly WitnessLine[], sights: readonly CommitSight[]): PlacedHistory {
  const byId = Map.groupBy(jobs, ({ id }) => id);
  const isLeftOut = (job: LoggedJob): boolean => isBatchEntity(job.entity) && (byId.get(job.id)?.length ?? 0) > 1;
  const accepted = new Map<string, AcceptedJob>();
  const ranks = new Map<string, number>();
  for (const job of jobs) {
    if (isLeftOut(job)) continue;
    const { entity, partition, offset } = job;
    const lane = `${entity}@${partition}`;
    const sequence = (ranks.get(lane) ?? 0) + 1;
    ranks.set(lane, sequence);
    const place = `${partition}/${offset}`;
    accepted.set(place, { id: place, entity: lane, sequence, partition, offset });
  }

  const lines: WitnessLine[] = [];
  const phantoms: string[] = [];
  const kept = [0];
  for (const { place: known, ...line } of witness) {
    const records = byId.get(line.id) ?? [];
    const place = known ?? (records.length === 1 && records[0] !== undefined ? `${records[0].partition}/${records[0].offset}` : null);
    const job = place === null ? undefined : accepted.get(place);
    if (job !== undefined) lines.push({ ...line, id: job.id, entity: job.entity, sequence: job.sequence });
    else if (records.length === 0 || known !== undefined) phantoms.push(`${line.id} ran on ${line.worker}${known === undefined ? '' : ` as ${known}`}, and there is no such record`);
    kept.push(lines.length);
  }
  return {
    accepted: [...accepted.values()],
    lines,
    commits: sights.map((sight) => ({ ...sight, lines: kept[sight.lines] ?? lines.length })),
    buried: buried.filter(({ id }) => accepted.has(id)),
    phantoms: [...new Set(phantoms)],
    doubled: [...byId.values()].filter((records) => records.length > 1).length,
  };
}

/** The lines that satisfy, and the sights with their counts of lines put right. */
export function selectLines(all: readonly WitnessLine[], sights: readonly CommitSight[], keep: (line: WitnessLine) => boolean): { readonly lines: WitnessLine[]; readonly commits: CommitSight[] } {
  const lines: WitnessLine[] = [];
  const kept = [0];
  for (const line of all) {
    if (keep(line)) lines.push(line);
    kept.push(lines.length);
  }
  return { lines, commits: sights.map((sight) => ({ ...sight, lines: kept[sight.lines] ?? lines.length })) };
}
