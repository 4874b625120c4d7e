import { cpus, loadavg, totalmem } from 'node:os';

/** On what it was measured: figures without this mean little. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const load = loadavg()[0] ?? 0;
  return `${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}; broker on the same machine; load ${load.toFixed(1)}`;
}
