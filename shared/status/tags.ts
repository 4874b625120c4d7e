import { randomUUID } from 'node:crypto';
import type { Session } from '../database/port.ts';
import type { ViewRow } from './jobView.ts';

/** Tags a job, for as long as it is shown. Idempotent. */
export async function addTag(session: Session, { queue, partition, place, id }: Pick<ViewRow, 'queue' | 'partition' | 'place' | 'id'>, tag: string, nowMs: number): Promise<void> {
  await session.query(
    `insert into operator_tags (queue, partition, place, id, tag, at_ms, rule, removed) values ($1, $2, $3, $4, $5, $6, null, false)
     on conflict (queue, partition, place, tag) do update set id = excluded.id, at_ms = excluded.at_ms, rule = null, removed = false`,
    [queue, partition, place, id, tag, nowMs],
  );
}

/** Takes a tag away; a rule does not bring it back. Idempotent. */
export async function removeTag(session: Session, { queue, partition, place, id }: Pick<ViewRow, 'queue' | 'partition' | 'place' | 'id'>, tag: string): Promise<void> {
  await session.query('update operator_tags set removed = true where queue = $1 and partition = $2 and place = $3 and id = $4 and tag = $5', [queue, partition, place, id, tag]);
}

/** What a burial must be like to be tagged. All that is given must hold. */
export interface TagRuleWish {
  readonly tag: string;
  readonly queue?: string;
  readonly kind?: string;
  readonly errorCode?: string;
  readonly fingerprint?: string;
}

export interface TagRule {
  readonly id: string;
  readonly tag: string;
  readonly queue: string | null;
  readonly kind: string | null;
  readonly errorCode: string | null;
  readonly fingerprint: string | null;
  /** It tags what is buried from then on, epoch ms. */
  readonly sinceMs: number;
}

const columns = 'id, tag, queue, kind, error_code as "errorCode", fingerprint, since_ms as "sinceMs"';

export async function listTagRules(session: Session): Promise<TagRule[]> {
  return (await session.query<TagRule>(`select ${columns} from operator_tag_rules order by since_ms, id`)).rows;
}

export async function addTagRule(session: Session, { tag, queue, kind, errorCode, fingerprint }: TagRuleWish, nowMs: number): Promise<TagRule> {
  const { rows } = await session.query<TagRule>(
    `insert into operator_tag_rules (id, tag, queue, kind, error_code, fingerprint, since_ms) values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
    [randomUUID(), tag, queue ?? null, kind ?? null, errorCode ?? null, fingerprint ?? null, nowMs],
  );
  return rows[0] as TagRule;
}

/** What it tagged stays tagged. @returns whether there was one */
export async function removeTagRule(session: Session, id: string): Promise<boolean> {
  return (await session.query('delete from operator_tag_rules where id = $1', [id])).affected > 0;
}
