import { createHash } from 'node:crypto';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Database, Session } from './port.ts';

/** One change of a capability's tables; it is applied once, in order, and never edited afterwards. */
export interface Migration {
  /** In words, for people: "jobs and their attempts". */
  readonly name: string;
  /** Statements, separated by semicolons. */
  readonly sql: string;
}

/** One lock for all capabilities: they may share tables, and migrations are rare. */
const LOCK = 'hashtextextended(\'millrace.migrations\', 0)';
const TABLE = 'create table if not exists millrace_migrations (capability text, step integer, name text not null, digest text not null, applied_at timestamptz not null default now(), primary key (capability, step))';

/**
 * Brings the tables of one capability to the state that `steps` describe. Safe when several processes start at once: one of them works, the
 * others wait. All steps that are missing are applied in one transaction, or none. A database that is further than `steps` (a newer version
 * runs beside) is left alone. @returns the names of the steps applied now
 * @throws MillraceError DATABASE_DRIFT when an applied step differs from the one given; as `Session.query`
 */
export async function migrate(database: Database, capability: string, steps: readonly Migration[]): Promise<string[]> {
  return database.transaction((tx) => migrateIn(tx, capability, steps));
}

/** The same within a transaction of the caller's. */
export async function migrateIn(tx: Session, capability: string, steps: readonly Migration[]): Promise<string[]> {
  await openBook(tx);
  const { rows } = await tx.query<{ step: number; name: string; digest: string }>('select step, name, digest from millrace_migrations where capability = $1 order by step', [capability]);
  for (const { step, name, digest } of rows) {
    const known = steps[step - 1];
    if (known !== undefined && digestOf(known) !== digest) {
      throw new MillraceError('DATABASE_DRIFT', { at: `${capability}, step ${step}`, expected: known.name, got: name, fix: 'Applied steps are never edited: add a new one' });
    }
  }
  return applySteps(tx, capability, steps, rows.length);
}

async function applySteps(tx: Session, capability: string, steps: readonly Migration[], applied: number): Promise<string[]> {
  const names: string[] = [];
  for (const [index, step] of steps.entries()) {
    if (index < applied) continue;
    await tx.script(step.sql);
    await tx.query('insert into millrace_migrations (capability, step, name, digest) values ($1, $2, $3, $4)', [capability, index + 1, step.name, digestOf(step)]);
    names.push(step.name);
  }
  return names;
}

/** Whoever reads or writes which steps are applied does so alone, until the transaction ends. */
async function openBook(tx: Session): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(${LOCK})`);
  await tx.script(TABLE);
}

/** Forgets that a capability's steps were applied, if they were; whoever drops its tables first calls this in the same transaction. */
export async function forgetMigrations(tx: Session, capability: string): Promise<void> {
  await openBook(tx);
  await tx.query('delete from millrace_migrations where capability = $1', [capability]);
}

function digestOf({ sql }: Migration): string {
  return createHash('sha256').update(sql.replaceAll(/\s+/g, ' ').trim()).digest('hex');
}
