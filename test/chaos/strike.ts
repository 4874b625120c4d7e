import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice, Fault } from './fault.ts';
import type { Incident, Journal } from './journal.ts';

const MOST_MS = 180_000;

export interface MenuOptions<S> {
  readonly stage: S;
  readonly faults: readonly Fault<S>[];
  readonly dice: Dice;
  readonly journal: Journal;
  /** No new fault is begun after it. */
  readonly forMs: number;
  /** Rests between faults, from and to. */
  readonly restMs: readonly [number, number];
  /** No fault is held longer, whatever it asks for. */
  readonly longestHoldMs: number;
  readonly signal: AbortSignal;
}

/** Lets one fault happen: begins it, holds it for its drawn time (less when `signal` is aborted), heals it. */
export async function strike<S>(fault: Fault<S>, { stage, dice, journal, signal, longestHoldMs }: Pick<MenuOptions<S>, 'stage' | 'dice' | 'journal' | 'signal' | 'longestHoldMs'>): Promise<Incident | null> {
  const holdMs = Math.min(longestHoldMs, dice.between(...fault.forMs));
  const beginMs = Date.now();
  let incident: Incident | null = null;
  try {
    const { what, missed, heal } = await inTime(fault.begin(stage, dice), `${fault.name} could not be begun`);
    if (missed === true) {
      journal.tell('missed', `${fault.name}: ${what}`);
      return null;
    }
    incident = journal.begun(fault.name, what, beginMs);
    await sleep(holdMs, undefined, { signal }).catch(() => undefined);
    incident.healMs = Date.now();
    await inTime(heal(), `${fault.name} could not be healed`);
    journal.healed(incident);
  } catch (error) {
    if (incident !== null) incident.healedMs = Date.now();
    journal.failed(fault.name, error);
  }
  return incident;
}

/** Every few seconds a fault of the menu, a quarter of the time none, now and then two at once; nothing is in force when it returns. */
export async function strikeAtRandom<S>(options: MenuOptions<S>): Promise<void> {
  const { faults, dice, forMs, restMs, signal } = options;
  const endMs = performance.now() + forMs;
  const once = new Set<string>();
  const draw = (): Fault<S> | null => {
    const open = faults.filter(({ name, forMs: [from] }) => !once.has(name) && performance.now() + from < endMs);
    let left = dice.next() * open.reduce((sum, { weight = 1 }) => sum + weight, 0);
    const drawn = open.find(({ weight = 1 }) => (left -= weight) < 0) ?? open.at(-1) ?? null;
    if (drawn?.name === 'partitions added') once.add(drawn.name);
    return drawn;
  };
  while (performance.now() < endMs && !signal.aborted) {
    const restsMs = dice.between(...restMs);
    await sleep(Math.min(restsMs, endMs - performance.now()), undefined, { signal }).catch(() => undefined);
    if (dice.next() < 0.25) continue;
    const first = draw();
    const second = dice.next() < 0.3 ? draw() : null;
    const delayMs = dice.between(0, 5000);
    await Promise.all([
      first === null ? null : strike(first, options),
      second === null || second.name === first?.name ? null : sleep(delayMs).then(() => strike(second, options)),
    ]);
  }
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => { reject(new Error(`${what} within ${MOST_MS / 1000} s`)); }, MOST_MS); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
