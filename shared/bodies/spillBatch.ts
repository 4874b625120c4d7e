/** In front of each body of a batch, for the store: a checksum, for instance. */
export const HEAD_BYTES = 4;

/** Bodies that are written to the store together: one after the other in one buffer, each behind {@link HEAD_BYTES} that are the store's. */
export class SpillBatch {
  readonly bytes: Buffer;
  readonly #starts: number[] = [];
  #end = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Bytes that are filled. */
  get end(): number {
    return this.#end;
  }

  fits(length: number): boolean {
    return this.#end + HEAD_BYTES + length <= this.bytes.length;
  }

  /** Makes room for a body, which {@link fits}. @returns where the caller puts it */
  add(length: number): number {
    const start = this.#end + HEAD_BYTES;
    this.#starts.push(start);
    this.#end = start + length;
    return start;
  }

  startOf(index: number): number {
    return this.#starts[index] as number;
  }

  lengthOf(index: number): number {
    return (this.#starts[index + 1] ?? this.#end + HEAD_BYTES) - HEAD_BYTES - this.startOf(index);
  }

  /** A body as a string of bytes. */
  textOf(index: number): string {
    const start = this.startOf(index);
    return this.bytes.toString('latin1', start, start + this.lengthOf(index));
  }
}

/** Bodies that are strings, as a batch. */
export function batchOf(bodies: readonly string[]): SpillBatch {
  const batch = new SpillBatch(Buffer.allocUnsafe(bodies.reduce((sum, { length }) => sum + HEAD_BYTES + length, 0)));
  for (const body of bodies) batch.bytes.write(body, batch.add(body.length), 'latin1');
  return batch;
}
