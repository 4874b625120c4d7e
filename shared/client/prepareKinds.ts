import { MillraceError } from '../errors/MillraceError.ts';
import type { JobDefinition } from '../jobs/jobDefinition.ts';
import type { Producer } from '../kafka/port.ts';
import type { ClientCodec, PreparedKind } from './buildRecord.ts';

export interface PrepareOptions {
  readonly codec: ClientCodec;
  readonly producer: Pick<Producer, 'partitionCount'>;
  readonly source: string;
  readonly prepareQueue: (queue: string) => Promise<unknown>;
  /** Runs work, and again what failed for now. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The kinds that a client knows how to build. */
export interface PreparedKinds {
  /** The kind, if it is prepared and nobody who asked earlier is still to be answered: so those who come later cannot overtake. */
  now(job: JobDefinition): PreparedKind | null;
  /** Prepares the kind, once: concurrent calls share one attempt, a failed one is forgotten. Rejects with what registry or broker said. */
  get(job: JobDefinition): Promise<PreparedKind>;
}

/** To prepare a kind is to register its schema and to look up its queue's partitions; `persist` may try that several times. */
export function createPreparedKinds({ codec, producer, source, prepareQueue, persist }: PrepareOptions): PreparedKinds {
  const kinds = new Map<JobDefinition, { kind: PreparedKind | null; waiting: number; readonly promise: Promise<PreparedKind> }>();
  const sourceBytes = Buffer.from(source);

  const prepare = (job: JobDefinition): Promise<PreparedKind> => persist(async () => {
    await prepareQueue(job.queue);
    const [writer, partitions] = await Promise.all([codec.register(job.schema), producer.partitionCount(job.queue)]);
    return { job, writer, partitions, kindBytes: Buffer.from(job.kind), sourceBytes };
  });

  return {
    now(job) {
      const entry = kinds.get(job);
      return entry !== undefined && entry.waiting === 0 ? entry.kind : null;
    },
    async get(job) {
      let entry = kinds.get(job);
      if (entry === undefined) {
        if (typeof job !== 'object' || job === null || typeof job.kind !== 'string' || job.policy === undefined) {
          throw new MillraceError('UNKNOWN_KIND', { expected: 'a job that defineJob made', got: job });
        }
        entry = { kind: null, waiting: 0, promise: prepare(job) };
        kinds.set(job, entry);
      }
      entry.waiting += 1;
      try {
        entry.kind = await entry.promise;
        return entry.kind;
      } catch (error) {
        if (kinds.get(job) === entry) kinds.delete(job);
        throw error;
      } finally {
        entry.waiting -= 1;
      }
    },
  };
}
