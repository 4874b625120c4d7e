import { createHash } from 'node:crypto';
import type { Armed, Phase } from './failpoint.ts';

/** One point in one phase, and the stage that reaches it. */
export interface Visit extends Armed {
  readonly stage: string;
}

/** `phase point` → how often one process came there. */
export type Reach = ReadonlyMap<string, number>;

/** A visit far into a process is less sure to be reached again. */
const LATEST_VISIT = 12;

/**
 * Gives each point to the first stage that reaches it: in base stages each phase of it, in others the point alone, in whatever phase; what a stage
 * revisits it is given beside that, each phase of it. Which of its visits kills is drawn by the seed.
 */
export function planVisits(stages: readonly { readonly name: string; readonly isBase: boolean; readonly revisits?: RegExp; readonly reach: Reach }[], seed: number): Visit[] {
  const visits: Visit[] = [];
  const planned = new Set<string>();
  const known = new Set<string>();
  for (const { name, isBase, revisits, reach } of stages) {
    for (const [visit, count] of reach) {
      const [phase, point] = visit.split(' ') as [Phase, string];
      const again = revisits?.test(visit) === true;
      if (!again && (isBase ? planned.has(visit) : known.has(point))) continue;
      planned.add(visit);
      known.add(point);
      const nth = 1 + Math.floor(shareOf(`${seed} ${visit}`) * Math.min(LATEST_VISIT, Math.ceil(count / 3)));
      visits.push({ stage: name, point, ...(isBase || again ? { phase, nth } : { phase: 'any', nth: 1 }) });
    }
  }
  return visits;
}

/** Pairs of visits of one stage, drawn by the seed. */
export function planPairs(visits: readonly Visit[], count: number, seed: number): [Visit, Visit][] {
  const pairs: [Visit, Visit][] = [];
  for (let number = 0; pairs.length < count && visits.length > 0; number++) {
    const first = visits[Math.floor(shareOf(`${seed} first ${number}`) * visits.length)] as Visit;
    const others = visits.filter(({ stage }) => stage === first.stage);
    pairs.push([first, others[Math.floor(shareOf(`${seed} second ${number}`) * others.length)] as Visit]);
  }
  return pairs;
}

/** Legs of one stage in tours of at most so many; neighbours in the code go to different tours, so that a tour is a mixture. */
export function cutTours<T>(legs: readonly T[], most: number): T[][] {
  const count = Math.ceil(legs.length / most);
  return Array.from({ length: count }, (_, tour) => legs.filter((_leg, index) => index % count === tour));
}

/** In [0, 1), evenly. */
function shareOf(text: string): number {
  return createHash('sha1').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
