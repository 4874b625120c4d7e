/** How much may be pending at once. */
export interface BudgetLimits {
  readonly maxJobs: number;
  readonly maxBytes: number;
}

/** Bounds what is accepted and not acked: who finds no room waits, first come, first served. */
export interface PendingBudget {
  /** Calls `run` as soon as there is room: at once, or later in the order of the calls. What is larger than everything runs alone. */
  reserve(bytes: number, run: () => void): void;
  release(bytes: number): void;
  readonly jobs: number;
  readonly bytes: number;
}

export function createPendingBudget({ maxJobs, maxBytes }: BudgetLimits): PendingBudget {
  let waiting: { bytes: number; run: () => void }[] = [];
  let first = 0;
  let jobs = 0;
  let pendingBytes = 0;

  const fits = (bytes: number): boolean => jobs === 0 || (jobs < maxJobs && pendingBytes + bytes <= maxBytes);
  const take = (bytes: number, run: () => void): void => {
    jobs += 1;
    pendingBytes += bytes;
    run();
  };

  return {
    reserve(bytes, run) {
      if (first === waiting.length && fits(bytes)) take(bytes, run);
      else waiting.push({ bytes, run });
    },
    release(bytes) {
      jobs -= 1;
      pendingBytes -= bytes;
      for (let next = waiting[first]; next !== undefined && fits(next.bytes); next = waiting[first]) {
        first += 1;
        take(next.bytes, next.run);
      }
      if (first > 0 && first === waiting.length) [waiting, first] = [[], 0];
    },
    get jobs() { return jobs; },
    get bytes() { return pendingBytes; },
  };
}
