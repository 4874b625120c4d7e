import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import type { Database } from '../../../shared/database/port.ts';
import { statusTables } from '../../../shared/status/migrations.ts';
import { prepareStatusTables } from '../../../shared/status/prepareStatusTables.ts';
import { openTestDatabase, type DatabaseKind, type TestDatabase } from '../../postgres/createDatabase.ts';
import { createRecordMaker, type RecordMaker } from './recordsOfJobs.ts';

/** Gives the tests of a `describe` the status tables, empty before each, and a maker of records; to be read inside of tests only. */
export function useStatusTables(kind: DatabaseKind): { readonly db: Database; readonly maker: RecordMaker } {
  let test: TestDatabase;
  let maker: RecordMaker;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    maker = await createRecordMaker();
    await prepareStatusTables(test.database);
  });
  afterAll(() => test.close());
  beforeEach(() => test.database.script(`truncate ${statusTables.join(', ')}`));
  return {
    get db() { return test.database; },
    get maker() { return maker; },
  };
}
