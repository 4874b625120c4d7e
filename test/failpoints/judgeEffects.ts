import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { readExecutions } from '../guarantees/executions.ts';
import type { AcceptedJob, History } from '../guarantees/history.ts';
import type { Guarantee } from '../guarantees/promises/guarantee.ts';
import { noOverlap } from '../guarantees/promises/noOverlap.ts';
import { EFFECT_STEPS, lockOf } from './effects.ts';
import type { Tour } from './leg.ts';

/** A row of the table that handlers write to, in the order in which they did. */
export interface EffectRow {
  readonly job: string;
  readonly step: string;
  readonly lock: string;
  readonly token: number;
}

/** The table of effects, which has no key that could hide a second one. */
export async function prepareEffects({ databaseUrl }: Tour): Promise<void> {
  const database = openPostgres({ url: databaseUrl ?? '', maxConnections: 1 });
  await database.query('create table failpoint_effects (at bigserial, job text, step text, lock text, token bigint)');
  await database.close();
}

export async function judgeEffects({ scene, databaseUrl, violations }: Tour): Promise<void> {
  const database = openPostgres({ url: databaseUrl ?? '', maxConnections: 1 });
  const { rows } = await database.query<EffectRow>('select job, step, lock, token from failpoint_effects order by at');
  await database.close();
  violations.push(...judgeEffectRows(scene.accepted, rows).map((violation) => `effects: ${violation}`));
}

/** Each step of each job had its effect once; and of each lock no holder wrote after a later one. Pure. */
export function judgeEffectRows(accepted: readonly AcceptedJob[], rows: readonly EffectRow[]): string[] {
  const violations: string[] = [];
  const counts = new Map<string, number>();
  const highest = new Map<string, number>();
  for (const { job, step, lock, token } of rows) {
    counts.set(`${job}/${step}`, (counts.get(`${job}/${step}`) ?? 0) + 1);
    if (token < (highest.get(lock) ?? 0)) violations.push(`${job} wrote under token ${token} of ${lock} after ${highest.get(lock) ?? 0} had`);
    highest.set(lock, Math.max(token, highest.get(lock) ?? 0));
  }
  for (const { id, entity, sequence } of accepted) {
    for (const step of EFFECT_STEPS) {
      const count = counts.get(`${id}/${step}`) ?? 0;
      if (count !== 1) violations.push(`${entity}#${sequence} had the effect of "${step}" ${count} times`);
    }
  }
  return violations;
}

/** No two attempts that want one lock run at once. What an attempt still did that was told that it lost its lock is refused by its transaction. */
export const oneHolder: Guarantee = {
  name: 'one holder of a lock',
  rulesOut: ['two holders of one lock'],
  check(history: History) {
    const lost = new Set(readExecutions(history.lines).filter(({ outcome }) => outcome === 'aborted').map(({ start }) => `${start.worker}/${start.run}`));
    return noOverlap.check({ ...history, lines: history.lines.filter(({ worker, run }) => !lost.has(`${worker}/${run}`)).map((line) => ({ ...line, entity: lockOf(line.entity) })) });
  },
};
