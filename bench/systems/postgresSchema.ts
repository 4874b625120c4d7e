import { Pool } from 'pg';

/** Fresh statistics, and nothing left to be written: what autovacuum and the checkpointer would do in a while. */
export async function settleSchema(url: string, schema: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    const { rows } = await pool.query<{ name: string }>('select format(\'%I.%I\', schemaname, tablename) as name from pg_tables where schemaname = $1', [schema]);
    for (const { name } of rows) await pool.query(`vacuum analyze ${name}`);
    // Only some may ask for it on a server that is not ours.
    await pool.query('checkpoint').catch(() => undefined);
  } finally {
    await pool.end();
  }
}

export async function dropSchema(url: string, schema: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    await pool.query(`drop schema if exists ${schema} cascade`);
  } finally {
    await pool.end();
  }
}
