import { cpus, loadavg, totalmem } from 'node:os';

/** On what it was measured: figures without this mean little. `elsewhere`: what named servers that may run on another machine. */
export function describeMachine({ loadBefore, elsewhere = [] }: { readonly loadBefore?: number; readonly elsewhere?: readonly string[] } = {}): string {
  const [cpu] = cpus();
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
    elsewhere.length === 0 ? 'broker on the same machine' : `servers as ${elsewhere.join(' and ')} named them`,
    `load ${loadBefore === undefined ? '' : `${loadBefore.toFixed(1)} before, `}${currentLoad().toFixed(1)}${loadBefore === undefined ? '' : ' at the end'}`,
  ].join('; ');
}

/** The average of the last minute. */
export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}
