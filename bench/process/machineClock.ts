const base = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Ms since the machine started: one clock for all of its processes, which no correction of the time of day moves. */
export function machineMs(): number {
  return base + performance.now();
}
