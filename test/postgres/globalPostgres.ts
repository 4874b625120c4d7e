import type { TestProject } from 'vitest/node';
import { startPostgres } from './startPostgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the real PostgreSQL of this test run: `inject('databaseUrl')`. Take a database of your own: `createDatabase`. */
    databaseUrl: string;
  }
}

/** Global set-up: one PostgreSQL for the whole run, gone at its end. `DATABASE_URL` replaces it; its user must be allowed to create databases. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['DATABASE_URL'];
  const started = given === undefined || given === '' ? await startPostgres({ durable: false }) : null;
  project.provide('databaseUrl', started?.url ?? given ?? '');
  return async () => { await started?.stop(); };
}
