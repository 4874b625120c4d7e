import type { Job } from './job.ts';

/** Jobs of a chunk. An array that grows to it one by one has just this room in V8. */
const CHUNK_JOBS = 512;
/** A chunk with fewer joins its neighbour, where both together leave some room. */
const FEW_JOBS = 128;
const JOINED_JOBS = 384;
/** Offsets are mostly dense, so that a guess finds its job; where they are not, halves do. */
const GUESSES = 4;

/**
 * A partition's jobs by main offset, in its order. Two levels of sorted arrays: 8 bytes a job, where a Map takes 28 to 56, and twice that while it grows.
 * What comes at the end, as nearly all does, is put there without a search.
 */
export class JobsByOffset {
  readonly #chunks: Job[][] = [];
  /** Of each chunk the lowest offset, or a lower one. */
  readonly #firsts: number[] = [];
  #last = -1;
  #size = 0;
  /** Rises with every change, so that those who walk find their place again. */
  #changes = 0;

  get size(): number {
    return this.#size;
  }

  get(offset: number): Job | undefined {
    if (offset > this.#last) return undefined;
    const chunk = this.#chunks[this.#chunkOf(offset)];
    const job = chunk?.[placeIn(chunk, offset)];
    return job?.offset === offset ? job : undefined;
  }

  has(offset: number): boolean {
    return this.get(offset) !== undefined;
  }

  /** Adds the job, or puts it in the place of the one of its offset. */
  set(job: Job): void {
    const { offset } = job;
    if (offset > this.#last) {
      this.#append(job);
      return;
    }
    const number = this.#chunkOf(offset);
    const chunk = this.#chunks[number] as Job[];
    const place = placeIn(chunk, offset);
    if (chunk[place]?.offset === offset) {
      chunk[place] = job;
      return;
    }
    chunk.splice(place, 0, job);
    if (place === 0) this.#firsts[number] = offset;
    if (chunk.length > CHUNK_JOBS) this.#split(number, chunk);
    this.#size++;
    this.#changes++;
  }

  delete(offset: number): boolean {
    if (offset > this.#last) return false;
    const number = this.#chunkOf(offset);
    const chunk = this.#chunks[number];
    if (chunk === undefined) return false;
    const place = placeIn(chunk, offset);
    if (chunk[place]?.offset !== offset) return false;
    chunk.splice(place, 1);
    this.#size--;
    this.#changes++;
    if (chunk.length < FEW_JOBS) this.#join(number, chunk);
    if (offset === this.#last) this.#last = this.#chunks.at(-1)?.at(-1)?.offset ?? -1;
    return true;
  }

  /** By offset. Whoever walks may change what is walked over. */
  *values(): Generator<Job, undefined> {
    let changes = this.#changes;
    let number = 0;
    let place = 0;
    for (;;) {
      const job = this.#chunks[number]?.[place];
      if (job === undefined) {
        if (++number >= this.#chunks.length) return;
        place = 0;
        continue;
      }
      yield job;
      place++;
      if (changes === this.#changes) continue;
      changes = this.#changes;
      number = this.#chunkOf(job.offset);
      place = placeIn(this.#chunks[number] ?? [], job.offset + 1);
    }
  }

  *keys(): Generator<number, undefined> {
    for (const { offset } of this.values()) yield offset;
  }

  #append(job: Job): void {
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.length >= CHUNK_JOBS) {
      this.#chunks.push([job]);
      this.#firsts.push(job.offset);
    } else chunk.push(job);
    this.#last = job.offset;
    this.#size++;
    this.#changes++;
  }

  /** The chunk that the offset is in, or would be: the last that begins at or before it, else the first. */
  #chunkOf(offset: number): number {
    const firsts = this.#firsts;
    let low = 0;
    let high = firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((firsts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #split(number: number, chunk: Job[]): void {
    const upper = chunk.splice(CHUNK_JOBS / 2);
    this.#chunks.splice(number + 1, 0, upper);
    this.#firsts.splice(number + 1, 0, (upper[0] as Job).offset);
  }

  #join(number: number, chunk: Job[]): void {
    if (chunk.length === 0) {
      this.#remove(number);
      return;
    }
    const next = this.#chunks[number + 1];
    if (next === undefined || chunk.length + next.length > JOINED_JOBS) return;
    for (const job of next) chunk.push(job);
    this.#remove(number + 1);
  }

  #remove(number: number): void {
    this.#chunks.splice(number, 1);
    this.#firsts.splice(number, 1);
  }
}

/** Where the offset is in a chunk, or would be put. */
function placeIn(chunk: readonly Job[], offset: number): number {
  let low = 0;
  let high = chunk.length - 1;
  for (let guesses = 0; low <= high; guesses++) {
    const [first, last] = [(chunk[low] as Job).offset, (chunk[high] as Job).offset];
    if (offset <= first) return low;
    if (offset > last) return high + 1;
    const guess = guesses < GUESSES ? low + Math.floor(((offset - first) * (high - low)) / (last - first)) : (low + high) >> 1;
    const found = (chunk[guess] as Job).offset;
    if (found === offset) return guess;
    if (found < offset) low = guess + 1;
    else high = guess - 1;
  }
  return low;
}
