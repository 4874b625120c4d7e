import { openPglite } from '../../shared/database/pglite/openPglite.ts';

/** Commits two rows into the folder given, starts a third, and dies of SIGKILL. */
const database = await openPglite({ folder: process.argv[2] ?? '', host: process });
await database.script('create table kept (n integer)');
await database.query('insert into kept values (1)');
await database.transaction(async (tx) => { await tx.query('insert into kept values (2)'); });
await database.transaction(async (tx) => {
  await tx.query('insert into kept values (3)');
  process.stdout.write('committed', () => { process.kill(process.pid, 'SIGKILL'); });
  await new Promise(() => undefined);
});
