import { benchPayload } from './benchPayload.ts';
import type { JobV1 } from '../../schemas/bench.Job/payload.generated.ts';

/** The work of one measurement, by numbers alone: every process that takes part derives the same jobs of it. */
export interface Load {
  readonly jobs: number;
  /** Entities. */
  readonly keys: number;
  /** `even`: by turns. `zipf`: the k-th busiest entity has a share of 1/k (exponent 1), in an order that looks like chance and is the same each time. */
  readonly skew: 'even' | 'zipf';
  /** What the handler takes, ms; 0: it returns at once. */
  readonly workMs: number;
  /** Bytes that each payload is longer than the usual one. Default 0. */
  readonly extraBytes?: number;
  /** A fifth of the entities are sick: half of their jobs fail once, a twentieth die. So a tenth of all jobs fail, and a hundredth die. */
  readonly sick?: boolean;
  /** Not to be run before tomorrow. */
  readonly delayed?: boolean;
  /** The handler asks what listens on this port of 127.0.0.1, and fails when it does not answer. */
  readonly dependencyPort?: number;
}

/** How a job will end by its own nature. */
export type Nature = 'sound' | 'fails-once' | 'dies';

const SICK_EVERY = 5;
const sums = new Map<number, Float64Array>();

/** Which entity a job is about. */
export function keyOf(load: Load, sequence: number): number {
  if (load.skew === 'even') return sequence % load.keys;
  const cumulated = cumulate(load.keys);
  const wanted = chance(sequence, 1) * (cumulated[load.keys - 1] ?? 0);
  let [low, high] = [0, load.keys - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulated[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function isSick(load: Load, key: number): boolean {
  return load.sick === true && key % SICK_EVERY === 0;
}

export function natureOf(load: Load, sequence: number): Nature {
  if (!isSick(load, keyOf(load, sequence))) return 'sound';
  const drawn = chance(sequence, 2);
  return drawn < 0.5 ? 'fails-once' : drawn < 0.55 ? 'dies' : 'sound';
}

export function payloadOf(load: Load, sequence: number): JobV1 {
  return benchPayload(sequence, keyOf(load, sequence), load.extraBytes);
}

/** How many jobs the busiest entity has. */
export function busiestOf(load: Load): number {
  const counts = new Int32Array(load.keys);
  for (let sequence = 0; sequence < load.jobs; sequence++) counts[keyOf(load, sequence)] = (counts[keyOf(load, sequence)] ?? 0) + 1;
  return counts.reduce((most, count) => Math.max(most, count), 0);
}

function cumulate(keys: number): Float64Array {
  let cumulated = sums.get(keys);
  if (cumulated === undefined) {
    cumulated = new Float64Array(keys);
    for (let key = 0, sum = 0; key < keys; key++) cumulated[key] = sum += 1 / (key + 1);
    sums.set(keys, cumulated);
  }
  return cumulated;
}

/** In [0, 1), from the job's number alone (the finaliser of MurmurHash3). */
function chance(sequence: number, salt: number): number {
  let hash = Math.imul(sequence + 1, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
