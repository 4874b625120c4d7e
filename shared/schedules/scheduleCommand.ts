import { overlapPolicies, type OverlapPolicy } from './schedule.ts';

/** What somebody wants of a schedule; carried out, in the order of the log, by the scheduler that is active. Times are epoch ms. */
export type ScheduleCommand =
  | { readonly type: 'pause'; readonly id: string; readonly atMs: number; readonly note: string | null }
  | { readonly type: 'resume'; readonly id: string; readonly atMs: number }
  | { readonly type: 'run-now'; readonly id: string; readonly atMs: number; readonly overlap: OverlapPolicy | null }
  | { readonly type: 'backfill'; readonly id: string; readonly atMs: number; readonly fromMs: number; readonly toMs: number; readonly overlap: OverlapPolicy };

export function writeCommand(command: ScheduleCommand): Buffer {
  return Buffer.from(JSON.stringify(command));
}

/** Null: it is none. Never throws. */
export function parseCommand(bytes: Buffer): ScheduleCommand | null {
  let json: Readonly<Record<string, unknown>>;
  try {
    json = JSON.parse(bytes.toString()) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null) return null;
  const { type, id, atMs, note, overlap, fromMs, toMs } = json;
  if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id) || !isTime(atMs)) return null;
  const policy = (overlapPolicies as readonly unknown[]).includes(overlap) ? overlap as OverlapPolicy : null;
  switch (type) {
    case 'pause': return { type, id, atMs, note: typeof note === 'string' ? note : null };
    case 'resume': return { type, id, atMs };
    case 'run-now': return { type, id, atMs, overlap: policy };
    case 'backfill': return isTime(fromMs) && isTime(toMs) ? { type, id, atMs, fromMs, toMs, overlap: policy ?? 'buffer-all' } : null;
    default: return null;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
