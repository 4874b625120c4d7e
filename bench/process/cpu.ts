import { readFile, readdir } from 'node:fs/promises';

/** Clock ticks a second that Linux counts processor time in, on every machine of today. */
const TICKS = 100;

/** Processor time of a process and of all that descend from it, those that have ended included, s. Null where the system does not tell (no /proc). */
export async function cpuSecondsOf(pid: number): Promise<number | null> {
  const own = await readStat(pid);
  if (own === null) return null;
  let ticks = own.ticks + own.endedTicks;
  for (const child of await childrenOf(pid)) ticks += (await cpuSecondsOf(child) ?? 0) * TICKS;
  return ticks / TICKS;
}

/** Resident memory, MB; null where the system does not tell. */
export async function residentMb(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kb === undefined ? null : Number(kb) / 1024;
}

/** Processor time that everything on this machine has used, s. Null where the system does not tell. */
export async function machineCpuSeconds(): Promise<number | null> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8').catch(() => '')).split('\n');
  const [user, nice, system, , , irq, softirq] = line.trim().split(/\s+/).slice(1).map(Number);
  return user === undefined ? null : (user + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) / TICKS;
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')));
  return lists.flatMap((list) => list.trim().split(' ').filter((text) => text !== '').map(Number));
}

async function readStat(pid: number): Promise<{ ticks: number; endedTicks: number } | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  return { ticks: (fields[11] ?? 0) + (fields[12] ?? 0), endedTicks: (fields[13] ?? 0) + (fields[14] ?? 0) };
}
