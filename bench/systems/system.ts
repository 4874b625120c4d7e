import type { Compression } from '../../shared/kafka/compression.ts';
import type { Load } from '../jobs/load.ts';
import type { Order } from '../check/judge.ts';
import type { ServerName } from '../servers/server.ts';

/** Where a system's servers are, and the queue of one measurement. Travels to children as it is. */
export interface Place {
  readonly queue: string;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly redisPort: number;
  readonly postgresUrl: string;
}

/** What may be set of a system for one measurement; each reads what it knows, and prints what it was given. */
export interface Settings {
  /** Handlers under way at once, in each worker process. */
  readonly concurrency: number;
  readonly order: Order;
  /** millrace and raw loops: partitions of the queue. Default 6. */
  readonly partitions?: number;
  /** millrace: how client and worker compress what they send. Default none. */
  readonly compression?: Compression;
  /** graphile-worker: jobs fetched at once, and completions gathered. */
  readonly batched?: boolean;
  readonly pollMs?: number;
  /** pg-boss: jobs that one fetch brings, and fetch loops; `concurrency` is the product. */
  readonly batchSize?: number;
  readonly loops?: number;
  /** pg-boss: told of new jobs by NOTIFY. */
  readonly notify?: boolean;
  /** Ms before a failed job is tried again, where that can be chosen. Default 1000. */
  readonly retryMs?: number;
  /** Each further wait is the one before times this: 1 or 2. Default 1. */
  readonly retryFactor?: number;
  /** Attempts before a job is given up. Default 3. */
  readonly attempts?: number;
  /** Ms after which a silent worker counts as dead, where that can be chosen. */
  readonly sessionMs?: number;
  /** millrace: bounds of a worker. */
  readonly limits?: Readonly<Record<string, number>>;
  readonly flushMs?: number;
  /** pg-boss: seconds after which a job whose worker is silent is taken back; at least 10. */
  readonly heartbeat?: number;
}

/** A handler throws it of a job that is not to be tried again. */
export class GivenUp extends Error {}

/** Runs one attempt: at once, or with a promise. Throws: it failed. */
export type RunAttempt = (sequence: number, attempt: number) => void | Promise<void>;

export interface Client {
  /** Resolves when the server has the job; with its place in the system where that has one. */
  enqueue(sequence: number): Promise<{ readonly partition: number; readonly offset: number } | null>;
  /** By the system's call for many, in order. */
  enqueueMany(from: number, count: number): Promise<void>;
  close(): Promise<void>;
}

export interface Worker {
  stop(): Promise<void>;
}

/** Looks from outside at what the server still has to do. */
export interface Watcher {
  /** Jobs that are not yet recorded as ended. */
  pending(): Promise<number>;
  close(): Promise<void>;
}

export interface WorkerHooks {
  readonly run: RunAttempt;
  /** Called when the server has recorded the job as ended, where the system tells that at its worker. */
  readonly recorded?: (sequence: number) => void;
}

/** One queue system, behind what all scenarios ask of one. */
export interface System {
  readonly name: string;
  /** Its packages with their versions. */
  readonly versions: () => string;
  readonly needs: readonly ServerName[];
  /** What is lost of acknowledged jobs when the machine loses power. */
  readonly durability: string;
  /** How many jobs one call for many takes, and how many such calls are under way at once, by its documents or our measurements. */
  readonly bulk: { readonly slice: number; readonly parallel: number };
  describe(settings: Settings): string;
  /** Makes an empty queue. */
  prepare(place: Place, load: Load, settings: Settings): Promise<void>;
  /** Brings the server to rest after a preload, as it would come to by itself soon. */
  settle?(place: Place): Promise<void>;
  /** Removes the queue and all that it holds, so that the next contestant finds the server as this one did. */
  remove(place: Place): Promise<void>;
  client(place: Place, load: Load, settings: Settings): Promise<Client>;
  /** Starts to work off the queue. */
  worker(place: Place, load: Load, settings: Settings, hooks: WorkerHooks): Promise<Worker>;
  /** One worker process on many queues, where nothing happens. */
  workerOfMany(places: readonly Place[], settings: Settings): Promise<Worker>;
  /** What `prepare` makes for one queue serves all of a process. */
  readonly queuesShare?: boolean;
  /** `mainOnly`: jobs that wait for a time do not count, where the system can tell. */
  watch(place: Place, options?: { readonly mainOnly?: boolean }): Promise<Watcher>;
}
