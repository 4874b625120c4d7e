import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPglite } from '../../shared/database/pglite/openPglite.ts';

describe('an embedded database', () => {
  let base: string;
  beforeAll(async () => { base = await mkdtemp(join(tmpdir(), `millrace-test-${process.pid}-`)); });
  afterAll(() => rm(base, { recursive: true, force: true }));

  it('keeps what was committed when its process is killed, and is taken over from the dead', async () => {
    const folder = join(base, 'kept');
    const child = new URL('./openAndDie.main.ts', import.meta.url).pathname;
    const end = await new Promise<string>((resolve) => {
      execFile(process.execPath, [child, folder], (error, stdout, stderr) => { resolve(`${error?.signal ?? 'alive'} ${stdout}${stderr}`); });
    });
    expect(end).toContain('SIGKILL committed');
    const database = await openPglite({ folder, host: process });
    expect((await database.query('select n from kept order by n')).rows).toEqual([{ n: 1 }, { n: 2 }]);
    await expect(openPglite({ folder, host: process })).rejects.toMatchObject({ code: 'DATABASE_IN_USE' });
    await database.close();
    const again = await openPglite({ folder, host: process });
    await again.close();
    await expect(again.query('select 1')).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });

  it('refuses a folder that another living process has open', async () => {
    const folder = join(base, 'shared');
    await writeFile(`${folder}.lock`, '1');
    await expect(openPglite({ folder, host: process })).rejects.toMatchObject({ code: 'DATABASE_IN_USE' });
  });
});
