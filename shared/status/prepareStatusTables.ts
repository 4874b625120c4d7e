import { migrate } from '../database/migrate.ts';
import type { Database } from '../database/port.ts';
import { STATUS, statusMigrations } from './migrations.ts';
import { OPERATORS, operatorMigrations } from './operatorMigrations.ts';

/** Makes the tables of the projection, and those of what operators say, where they are missing. @throws MillraceError as `migrate` */
export async function prepareStatusTables(database: Database): Promise<void> {
  await migrate(database, STATUS, statusMigrations);
  await migrate(database, OPERATORS, operatorMigrations);
}
