import { forgetMigrations, migrateIn } from '../database/migrate.ts';
import type { Database } from '../database/port.ts';
import { retryConflicts } from '../database/retryConflicts.ts';
import { STATUS, statusMigrations, statusTables } from './migrations.ts';
import { prepareStatusTables } from './prepareStatusTables.ts';

/** A writer holds the positions and wants the jobs: it and we may wait for each other, and the database ends one of the two. */
const TRIES = 5;

/**
 * Throws the tables away and makes them anew, empty: whoever projects then begins at the topics' start. An instance that runs meanwhile finds
 * its positions gone and does so too. What operators said of jobs (tags, rules, discards) stays.
 * @throws MillraceError as `Database.transaction`; DATABASE_CONFLICT when others were in the way again and again
 */
export async function dropProjection(database: Database): Promise<void> {
  await retryConflicts(TRIES, () => dropOnce(database));
  await prepareStatusTables(database);
}

function dropOnce(database: Database): Promise<void> {
  return database.transaction(async (tx) => {
    await forgetMigrations(tx, STATUS);
    await tx.script(statusTables.map((table) => `drop table if exists ${table}`).join('; '));
    // In one: who reads meanwhile finds no gap.
    await migrateIn(tx, STATUS, statusMigrations);
  });
}
