import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
let app = '';

/** An application that installed the packed library: nothing of the repository is in its reach but the tarball. */
beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'millrace-app-'));
  await run('npm', ['pack', '--pack-destination', app], { cwd: root });
  const [tarball = ''] = (await readdir(app)).filter((name) => name.endsWith('.tgz'));
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(app, tarball)], { cwd: app });
}, 120_000);

afterAll(() => rm(app, { recursive: true, force: true }));

test('an installed package enqueues, works and is tested, in plain JavaScript', async () => {
  await writeFile(join(app, 'journey.js'), `
    import { defineJob, createCodec, retry } from 'millrace';
    import { createTestMillrace } from 'millrace/testing';
    const schema = { subject: 'shop.Order', version: 1, versions: [{ type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'id', type: 'string' }] }] };
    const attempts = [];
    const job = defineJob({ kind: 'order.charge', queue: 'billing', schema, key: (order) => order.id, handle: (order, ctx) => {
      attempts.push(order.id + ctx.attempt);
      return ctx.attempt === 1 ? retry('1m') : undefined;
    } });
    const { millrace, settle, until } = createTestMillrace();
    await settle(millrace.work([job]));
    await settle(millrace.enqueue(job, { id: 'a' }));
    await until(() => attempts.length === 2);
    await settle(millrace.close());
    console.log(typeof createCodec, attempts.join());
  `);
  const { stdout } = await run(process.execPath, ['journey.js'], { cwd: app });
  expect(stdout.trim()).toBe('function a1,a2');
});

test('its commands generate payload types, and say what a worker needs', async () => {
  await mkdir(join(app, 'schemas', 'shop.Order'), { recursive: true });
  await writeFile(join(app, 'schemas', 'shop.Order', 'v1.avsc'), JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'id', type: 'string' }] }));
  const bin = (name: string, ...args: string[]) => run(process.execPath, [join(app, 'node_modules', '.bin', name), ...args], { cwd: app });
  expect((await bin('millrace-schemas', 'schemas')).stdout).toContain('1 subjects, 1 versions: written');
  expect((await bin('millrace-schemas', 'schemas', '--check')).stdout).toContain('the code fits');
  await expect(bin('millrace-worker')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('millrace-worker ./jobs.js') as string });
});
