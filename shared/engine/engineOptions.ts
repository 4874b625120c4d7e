import type { JobPolicy } from '../jobs/policy.ts';
import type { Job, JobInput } from './job.ts';

/** A record of the main topic as the engine sees it before it is parsed. */
export interface MainRecord {
  readonly offset: number;
  readonly timestampMs: number;
}

/** The bounds of one engine. All have defaults in {@link defaultLimits}. */
export interface EngineLimits {
  /** Attempts (batches count as one) under way at once, over all partitions. */
  readonly concurrency: number;
  /** Jobs in memory that are not in a waiting room, over all partitions; each has its equal share. */
  readonly intakeJobs: number;
  readonly intakeBytes: number;
  /** Fetched records not yet taken in, over all partitions; above its share a partition's fetching pauses, and above its share of `intakeBytes` in them. */
  readonly backlogRecords: number;
  readonly roomEntries: number;
  readonly roomBytes: number;
  /** How long the frontier may stand on one job before the job is written to the waiting room. */
  readonly frontierPatienceMs: number;
  /** How long a job of unknown kind waits before it is buried. */
  readonly unknownKindBoundMs: number;
  /** Largest record that the retry topic takes (`max.message.bytes`). */
  readonly retryRecordBytes: number;
  /** Ids that may come again (`mr_unique_for`) and are remembered, over all partitions, about 200 bytes each; above it the oldest are forgotten early. */
  readonly rememberedIds: number;
}

export const defaultLimits: EngineLimits = {
  concurrency: 100,
  intakeJobs: 16_384,
  intakeBytes: 32 * 1024 * 1024,
  backlogRecords: 8192,
  roomEntries: 1_000_000,
  roomBytes: 256 * 1024 * 1024,
  frontierPatienceMs: 1000,
  unknownKindBoundMs: 3_600_000,
  retryRecordBytes: 1024 * 1024,
  rememberedIds: 1_000_000,
};

export interface EngineOptions<R extends MainRecord> {
  readonly limits: EngineLimits;
  /** Names this worker in leases; a reign's number is appended, so that each reign has a name of its own. */
  readonly workerId: string;
  readonly policies: ReadonlyMap<string, JobPolicy>;
  /** Reads a record's envelope. Null: it cannot be read yet (its schema is being looked up); ask again at the next `tick`. */
  readonly parse: (record: R, partition: number, now: number) => JobInput | null;
  /** What a fetched record holds in memory, in bytes; asked only for what cannot be taken in at once. */
  readonly sizeOf: (record: R) => number;
  /** Size of the job's record with all its headers; asked only for jobs that go to the waiting room or the DLQ. */
  readonly recordBytes: (job: Job) => number;
  /** The job will stay long, or got another value: whoever keeps bodies takes this one over, and a view of a fetch buffer pins no buffer. Sets `bytes`. */
  readonly retain: (job: Job) => void;
  /** The job needs no keeping any more: it waits no longer, or is another owner's. */
  readonly release: (job: Job) => void;
  /** Is this the job's value? False where that cannot be told at once. */
  readonly hasValue: (job: Job, value: Buffer | null) => boolean;
  /** In [0, 1). */
  readonly random: () => number;
}
