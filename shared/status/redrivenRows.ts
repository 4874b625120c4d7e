import type { Session } from '../database/port.ts';
import type { BurialFact, RedrivenFact } from './fact.ts';

/** Keeps which burials were redriven, for dead letters that are read later. */
export async function keepRedriven(tx: Session, queue: string, facts: readonly RedrivenFact[]): Promise<void> {
  const last = new Map<string, RedrivenFact>();
  for (const one of facts) {
    const name = `${one.partition}/${one.place}`;
    if ((last.get(name)?.burial ?? -1) < one.burial) last.set(name, one);
  }
  await tx.query(
    `insert into status_redriven as d (queue, partition, place, burial, at_ms)
     select $1, r.partition, r.place, r.burial, r."atMs" from jsonb_to_recordset($2::jsonb) as r(partition integer, place bigint, burial bigint, "atMs" bigint) order by 2, 3
     on conflict (queue, partition, place) do update set burial = excluded.burial, at_ms = excluded.at_ms where d.burial < excluded.burial`,
    [queue, JSON.stringify([...last.values()])],
  );
}

/** What was kept of the jobs of these burials. */
export async function recallRedriven(tx: Session, queue: string, burials: readonly BurialFact[]): Promise<RedrivenFact[]> {
  const { rows } = await tx.query<Omit<RedrivenFact, 'type'>>(
    `select partition, place, burial, at_ms as "atMs" from status_redriven
     where queue = $1 and (partition, place) in (select * from unnest($2::integer[], $3::bigint[])) order by partition, place`,
    [queue, burials.map(({ partition }) => partition), burials.map(({ place }) => place)],
  );
  return rows.map((row) => ({ type: 'redriven', ...row }));
}
