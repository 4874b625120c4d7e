import type { Session } from '../database/port.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import type { BurialFact, DiscardFact } from './fact.ts';

/** Keeps what operators gave up, where a rebuild does not reach it: the topic forgets their commands some days after they were carried out. */
export async function keepDiscards(tx: Session, queue: string, discards: readonly DiscardFact[]): Promise<void> {
  const last = new Map<string, DiscardFact>();
  for (const one of discards) {
    const name = `${one.partition}/${one.place}`;
    if ((last.get(name)?.burial ?? -1) < one.burial) last.set(name, one);
  }
  await tx.query(
    `insert into operator_discards as d (queue, partition, place, id, burial, note, at_ms)
     select $1, r.partition, r.place, r.id, r.burial, r.note, r."atMs"
     from jsonb_to_recordset($2::jsonb) as r(partition integer, place bigint, id text, burial bigint, note text, "atMs" bigint) order by 2, 3
     on conflict (queue, partition, place) do update set id = excluded.id, burial = excluded.burial, note = excluded.note, at_ms = excluded.at_ms
     where d.id <> excluded.id or d.burial < excluded.burial`,
    [queue, JSON.stringify([...last.values()])],
  );
}

/** What was kept of the jobs of these burials. */
export async function recallDiscards(tx: Session, queue: string, burials: readonly BurialFact[]): Promise<DiscardFact[]> {
  const { rows } = await tx.query<Omit<DiscardFact, 'type'>>(
    `select partition, place, id, burial, note, at_ms as "atMs" from operator_discards
     where queue = $1 and (partition, place) in (select * from unnest($2::integer[], $3::bigint[])) order by partition, place`,
    [queue, burials.map(({ partition }) => partition), burials.map(({ place }) => place)],
  );
  return rows.map((row) => ({ type: 'discard', ...row }));
}

/** Tags the jobs of these burials as the rules say that stood when they were buried. A tag that was taken away by hand does not come back. */
export async function tagByRules(tx: Session, queue: string, burials: readonly BurialFact[]): Promise<void> {
  const given = burials.map(({ partition, place, id, kind, atMs, error }) => ({ partition, place, id, kind, atMs, code: error?.code ?? null, fingerprint: error === null ? null : fingerprintOf(error.code, error.message) }));
  await tx.query(
    `insert into operator_tags as t (queue, partition, place, id, tag, at_ms, rule, removed)
     select distinct on (b.partition, b.place, r.tag) $1, b.partition, b.place, b.id, r.tag, b."atMs", r.id, false
     from jsonb_to_recordset($2::jsonb) as b(partition integer, place bigint, id text, kind text, "atMs" bigint, code text, fingerprint text)
     join operator_tag_rules r on b."atMs" >= r.since_ms and (r.queue is null or r.queue = $1) and (r.kind is null or r.kind = b.kind)
       and (r.error_code is null or r.error_code = b.code) and (r.fingerprint is null or r.fingerprint = b.fingerprint)
     order by b.partition, b.place, r.tag, r.id
     on conflict (queue, partition, place, tag) do update set id = excluded.id, at_ms = excluded.at_ms, rule = excluded.rule, removed = false where t.id <> excluded.id`,
    [queue, JSON.stringify(given)],
  );
}
