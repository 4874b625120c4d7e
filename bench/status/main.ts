import { openPglite } from '../../shared/database/pglite/openPglite.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { startPostgres } from '../../test/postgres/startPostgres.ts';
import { measureProjection } from './measureProjection.ts';

const server = await startPostgres({ durable: true, settings: { max_wal_size: '2GB' } });
try {
  for (const eventful of [5]) {
    const database = openPostgres({ url: server.url });
    await database.script('drop schema public cascade; create schema public');
    const figures = await measureProjection(database, { jobs: 30_000, eventful, chunkRecords: 2500 });
    process.stdout.write(`postgres, ${eventful * 10} % of the jobs retried once: ${JSON.stringify(figures)}\n`);
    await database.close();
  }
} finally {
  await server.stop();
}
const embedded = await openPglite({ folder: null, host: process });
process.stdout.write(`pglite: ${JSON.stringify(await measureProjection(embedded, { jobs: 20_000, eventful: 5, chunkRecords: 2500 }))}\n`);
await embedded.close();
