import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
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

test('the S3 store is there for those who install its client, and asked of nobody else', async () => {
  await writeFile(join(app, 's3.js'), `
    import { expireClaims } from 'millrace';
    const { createS3Claims } = await import('millrace/s3').catch((error) => { console.log(error.code, error.message.includes('@aws-sdk/client-s3')); process.exit(); });
    const store = createS3Claims({ bucket: 'claims', client: { region: 'eu-north-1' } });
    console.log(typeof store.put, await expireClaims(store, '1d').catch((error) => error.code));
  `);
  expect((await run(process.execPath, ['s3.js'], { cwd: app })).stdout.trim()).toBe('ERR_MODULE_NOT_FOUND true');
  await mkdir(join(app, 'node_modules', '@aws-sdk'), { recursive: true });
  await symlink(join(root, 'node_modules', '@aws-sdk', 'client-s3'), join(app, 'node_modules', '@aws-sdk', 'client-s3'));
  expect((await run(process.execPath, ['s3.js'], { cwd: app })).stdout.trim()).toBe('function BAD_CONFIG');
});

test('its commands generate payload types, and say what a worker needs', async () => {
  await mkdir(join(app, 'schemas', 'shop.Order'), { recursive: true });
  await writeFile(join(app, 'schemas', 'shop.Order', 'v1.avsc'), JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'id', type: 'string' }] }));
  const bin = (name: string, ...args: string[]) => run(process.execPath, [join(app, 'node_modules', '.bin', name), ...args], { cwd: app });
  expect((await bin('millrace-schemas', 'schemas')).stdout).toContain('1 subject, 1 version: written');
  expect((await bin('millrace-schemas', 'schemas', '--check')).stdout).toContain('the code fits');
  expect((await bin('millrace', '--version')).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  await expect(bin('millrace', 'enqeue')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean enqueue?') as string });
  await expect(bin('millrace-worker')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('For instance: ./jobs.js') as string });
});

test('it has the file of each command that it promises', async () => {
  const home = join(app, 'node_modules', 'millrace');
  const { bin } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { bin: Record<string, string> };
  for (const file of Object.values(bin)) await expect(access(join(home, file)), file).resolves.toBeUndefined();
});

test('its sandboxes start from what was installed', async () => {
  await writeFile(join(app, 'render.js'), 'export const handle = (payload, ctx) => { if (payload.exits) process.exit(5); ctx.logger.info("rendered"); };');
  await writeFile(join(app, 'sandbox.js'), `
    import { createSandboxStarter } from './node_modules/millrace/dist/shared/isolation/sandbox.js';
    import { systemClock } from './node_modules/millrace/dist/shared/runtime/clock.js';
    const isolation = { handler: new URL('./render.js', import.meta.url).href, maxMemoryBytes: 512 * 1024 * 1024 };
    const sandbox = createSandboxStarter(systemClock)('reports/render', isolation, () => undefined);
    await sandbox.ready;
    const task = { id: 'a', key: null, kind: 'render', queue: 'reports', attempt: 1, fence: 1, enqueuedAtMs: 0 };
    const lines = [];
    const first = await sandbox.run({ ...task, payload: {} }, (line) => { lines.push(line.message); });
    const second = await sandbox.run({ ...task, payload: { exits: true } }, () => undefined);
    console.log(first.outcome.type, lines.join(), second.error.code);
  `);
  const { stdout } = await run(process.execPath, ['sandbox.js'], { cwd: app });
  expect(stdout.trim()).toBe('done rendered SANDBOX_EXITED');
});
