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
  /**
   * Calls `run` with the kind: at once if it is prepared, else as soon as it is, in the order of the calls; or `fail` with what registry or broker
   * said. Concurrent calls share one attempt; a failed one is forgotten.
   */
  use(job: JobDefinition, run: (kind: PreparedKind) => void, fail: (error: unknown) => void): void;
  get(job: JobDefinition): Promise<PreparedKind>;
}

interface Entry {
  kind: PreparedKind | null;
  readonly waiting: { readonly run: (kind: PreparedKind) => void; readonly fail: (error: unknown) => void }[];
}

/** To prepare a kind is to register its schema and to look up its queue's partitions; `persist` may try that several times. */
export function createPreparedKinds({ codec, producer, source, prepareQueue, persist }: PrepareOptions): PreparedKinds {
  const kinds = new Map<JobDefinition, Entry>();
  const sourceBytes = Buffer.from(source);

  const prepare = (job: JobDefinition): Promise<PreparedKind> => persist(async () => {
    await prepareQueue(job.queue);
    const [writer, partitions] = await Promise.all([codec.register(job.schema), producer.partitionCount(job.queue)]);
    return { job, writer, partitions, kindBytes: Buffer.from(job.kind), sourceBytes };
  });

  const open = (job: JobDefinition): Entry => {
    const entry: Entry = { kind: null, waiting: [] };
    kinds.set(job, entry);
    prepare(job).then(
      (kind) => {
        entry.kind = kind;
        for (const { run } of entry.waiting.splice(0)) run(kind);
      },
      (error: unknown) => {
        kinds.delete(job);
        for (const { fail } of entry.waiting.splice(0)) fail(error);
      },
    );
    return entry;
  };

  const use: PreparedKinds['use'] = (job, run, fail) => {
    if (typeof job !== 'object' || job === null || typeof job.kind !== 'string' || job.policy === undefined) {
      fail(new MillraceError('UNKNOWN_KIND', { expected: 'a job that defineJob made', got: job }));
      return;
    }
    const entry = kinds.get(job) ?? open(job);
    if (entry.kind === null) entry.waiting.push({ run, fail });
    else run(entry.kind);
  };
  return { use, get: (job) => new Promise((resolve, reject) => { use(job, resolve, reject); }) };
}
