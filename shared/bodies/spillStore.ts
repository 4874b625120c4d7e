import type { SpillBatch } from './spillBatch.ts';

/**
 * Where bodies of waiting jobs go that memory has no room for. A cache: what is in it stands in Kafka too, so it may lose anything at any time, as long
 * as it says so; nothing of it outlives the process.
 */
export interface SpillStore {
  /**
   * Stores bodies. All of them or none. One call at a time; the batch is the caller's again when it is over.
   * @returns the place of each @throws when it is full or broken: nothing was stored
   */
  write(batch: SpillBatch): Promise<number[]>;
  /** Reads bodies back, as strings of bytes (latin1). @returns null for each that is not there whole any more */
  read(places: readonly SpilledBody[]): Promise<(string | null)[]>;
  /** The body is wanted no more. */
  free(body: SpilledBody): void;
  /** Bytes that it takes on disk, those of freed bodies that are not given back yet included. */
  readonly bytes: number;
  /** Gives everything back. Idempotent. */
  close(): Promise<void>;
}

export interface SpilledBody {
  readonly place: number;
  /** Length of the body. */
  readonly length: number;
}

/** Makes a store for one queue; asked when the first body is to be written, and again when that failed. @throws when there is nowhere to write */
export type OpenSpill = () => Promise<SpillStore>;
