const LOOKS = 20;

/** The two clocks are read one after the other, and a process may be made to wait in between: the closest pair of some counts. */
function findBase(): number {
  let base = 0;
  let closest = Infinity;
  for (let look = 0; look < LOOKS; look++) {
    const before = performance.now();
    const machine = Number(process.hrtime.bigint()) / 1e6;
    const apart = performance.now() - before;
    if (apart >= closest) continue;
    closest = apart;
    base = machine - before - apart / 2;
  }
  return base;
}

const base = findBase();

/** Ms since the machine started: one clock for all of its processes, which no correction of the time of day moves. */
export function machineMs(): number {
  return base + performance.now();
}
