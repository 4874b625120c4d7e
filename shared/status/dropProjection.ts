import { forgetMigrations, migrateIn } from '../database/migrate.ts';
import type { Database } from '../database/port.ts';
import { STATUS, statusMigrations, statusTables } from './migrations.ts';
import { prepareStatusTables } from './prepareStatusTables.ts';

/**
 * Throws the tables away and makes them anew, empty: whoever projects then begins at the topics' start. An instance that runs meanwhile finds
 * its positions gone and does so too. What operators said of jobs (tags, rules, discards) stays.
 */
export async function dropProjection(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await forgetMigrations(tx, STATUS);
    await tx.script(statusTables.map((table) => `drop table if exists ${table}`).join('; '));
    // In one: who reads meanwhile finds no gap.
    await migrateIn(tx, STATUS, statusMigrations);
  });
  await prepareStatusTables(database);
}
