/** What a contestant may need beside Node. `redis` keeps snapshots, as it comes; `redis-aof` logs each second besides. */
export type ServerName = 'kafka' | 'redis' | 'redis-aof' | 'postgres' | 'kafka-tools';

/** A server that runs for the benchmark. */
export interface Server {
  /** Null: it is not ours, or tells no process. */
  readonly pid: number | null;
  /** Its version, for the table. */
  readonly version: string;
  stop(): Promise<void>;
}
