import type { Job } from './job.ts';

const SMALLEST = 16;
/** Of the slots so many thirds may be taken. */
const MOST_THIRDS = 2;
/** A key that finds no slot so near to its own goes elsewhere: ids are anybody's, and may be made so that they all want the same. */
const MOST_PROBES = 256;

/**
 * A room's jobs by the key of their record, {@link Job.logKey}, which must not change while the job is in here. A hash table with open addressing: 18 to
 * 36 bytes a job, where a Map takes 28 to 56, and one look at memory for a key that is not there, where a Map looks at each key of its chain.
 */
export class JobsByKey {
  #jobs: (Job | null)[] = [];
  /** Of the slots' keys; 0: the slot is free. */
  #hashes = new Int32Array(0);
  #mask = -1;
  #taken = 0;
  /** Those that found no slot. Not asked while it is empty: it would make a hash of its own to say so. */
  readonly #others = new Map<string, Job>();

  get size(): number {
    return this.#taken + this.#others.size;
  }

  get(key: string): Job | undefined {
    const slot = this.#slotOf(key, hashOf(key));
    return slot >= 0 ? this.#jobs[slot] as Job : this.#others.size === 0 ? undefined : this.#others.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** The job is the one of its key from now on. */
  set(job: Job): void {
    const key = job.logKey;
    const hash = hashOf(key);
    const known = this.#slotOf(key, hash);
    if (known >= 0) this.#jobs[known] = job;
    else if (this.#others.size > 0 && this.#others.has(key)) this.#others.set(key, job);
    else this.#add(job, hash);
  }

  delete(key: string): boolean {
    const slot = this.#slotOf(key, hashOf(key));
    if (slot < 0) return this.#others.size > 0 && this.#others.delete(key);
    this.#taken--;
    this.#close(slot);
    return true;
  }

  *keys(): Generator<string, undefined> {
    for (const job of this.#jobs) if (job !== null) yield job.logKey;
    yield* this.#others.keys();
  }

  /** −1: none. */
  #slotOf(key: string, hash: number): number {
    const hashes = this.#hashes;
    const mask = this.#mask;
    if (mask < 0) return -1;
    for (let probe = 0, slot = hash & mask; probe < MOST_PROBES; probe++, slot = (slot + 1) & mask) {
      const found = hashes[slot];
      if (found === 0) return -1;
      if (found === hash && this.#jobs[slot]?.logKey === key) return slot;
    }
    return -1;
  }

  #add(job: Job, hash: number): void {
    if ((this.#taken + 1) * 3 > (this.#mask + 1) * MOST_THIRDS) this.#grow();
    if (this.#put(job, hash)) this.#taken++;
    else this.#others.set(job.logKey, job);
  }

  #put(job: Job, hash: number): boolean {
    const mask = this.#mask;
    for (let probe = 0, slot = hash & mask; probe < MOST_PROBES; probe++, slot = (slot + 1) & mask) {
      if (this.#hashes[slot] !== 0) continue;
      this.#hashes[slot] = hash;
      this.#jobs[slot] = job;
      return true;
    }
    return false;
  }

  #grow(): void {
    const [jobs, hashes] = [this.#jobs, this.#hashes];
    const size = Math.max(SMALLEST, (this.#mask + 1) * 2);
    this.#jobs = new Array<Job | null>(size).fill(null);
    this.#hashes = new Int32Array(size);
    this.#mask = size - 1;
    for (let slot = 0; slot < hashes.length; slot++) {
      const job = jobs[slot] ?? null;
      if (job === null || this.#put(job, hashes[slot] as number)) continue;
      this.#taken--;
      this.#others.set(job.logKey, job);
    }
  }

  /** Frees a slot: those behind it that would have liked to be there or before move up (Knuth, 6.4, algorithm R). None is further from its own than the probes went. */
  #close(freed: number): void {
    const [jobs, hashes, mask] = [this.#jobs, this.#hashes, this.#mask];
    let gap = freed;
    for (let slot = (gap + 1) & mask; hashes[slot] !== 0 && ((slot - gap) & mask) < MOST_PROBES; slot = (slot + 1) & mask) {
      const home = (hashes[slot] as number) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      hashes[gap] = hashes[slot] as number;
      jobs[gap] = jobs[slot] as Job;
      gap = slot;
    }
    hashes[gap] = 0;
    jobs[gap] = null;
  }
}

/** Of the key that was asked for last: whoever found nothing adds it next. */
let formerKey: string | null = null;
let formerHash = 0;

/** FNV-1a over the text's code units, mixed once more as its lowest bits choose the slot; never 0. */
export function hashOf(key: string): number {
  if (key === formerKey) return formerHash;
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  formerKey = key;
  formerHash = (hash ^ (hash >>> 13)) | 0 || 1;
  return formerHash;
}
