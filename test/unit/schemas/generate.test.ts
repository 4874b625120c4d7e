import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import avsc, { type Schema } from 'avsc';
import { findBreaks } from '../../../schemas/generate/findBreaks.ts';
import { readSubjects, type Subject } from '../../../schemas/generate/readSubjects.ts';
import { renderPayload } from '../../../schemas/generate/renderPayload.ts';
import type { AvroSchema } from '../../../schemas/payloadSchema.ts';

const repository = join(import.meta.dirname, '../../..');
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

const recordWith = (...fields: readonly { name: string; type: AvroSchema; default?: unknown }[]): AvroSchema => ({ type: 'record', name: 'T', namespace: 't', fields });
const subject = (...schemas: readonly AvroSchema[]) => ({
  name: 't.T',
  folder: '',
  versions: schemas.map((schema, i) => ({ version: i + 1, schema, type: avsc.Type.forSchema(schema as Schema) })),
});

const a = { name: 'a', type: 'int' };
const b = { name: 'b', type: 'int' };
const bWithDefault = { ...b, default: 0 };

describe('the compatibility check', () => {
  test.each<[string, readonly AvroSchema[], number]>([
    ['allows a new field with a default', [recordWith(a), recordWith(a, bWithDefault)], 0],
    ['allows a field to go', [recordWith(a, b), recordWith(a)], 0],
    ['allows an int to become a long', [recordWith(a), recordWith({ name: 'a', type: 'long' })], 0],
    ['refuses a new field without a default', [recordWith(a), recordWith(a, b)], 1],
    ['refuses a long that becomes an int', [recordWith({ name: 'a', type: 'long' }), recordWith(a)], 1],
    ['refuses a default taken away, though the version just before could do', [recordWith(a), recordWith(a, bWithDefault), recordWith(a, b)], 1],
    ['refuses a name that changed', [recordWith(a), { type: 'record', name: 'U', namespace: 't', fields: [a] }], 1],
  ])('%s', (_name, versions, breaks) => {
    expect(findBreaks(subject(...versions))).toHaveLength(breaks);
  });

  test('says which version cannot read which', () => {
    expect(findBreaks(subject(recordWith(a), recordWith(a, bWithDefault), recordWith(a, b)))[0]).toMatch(/^t\.T: v3 cannot read what v1 wrote: .*b/);
  });
});

const render = (of: Subject): string => renderPayload(of, { command: 'npx millrace-schemas', typesFrom: 'millrace' });

describe('the generated types', () => {
  test('come from the package in an application', () => {
    expect(render(subject(recordWith({ name: 'flag', type: 'boolean' })))).toContain("from 'millrace'");
  });

  test('have the shape of what avsc reads', () => {
    const text = render(subject(recordWith(
      { name: 'flag', type: 'boolean' },
      { name: 'blob', type: ['null', 'bytes'] },
      { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 16 } },
      { name: 'sizes', type: { type: 'map', values: ['null', 'double'] } },
      { name: 'color', type: { type: 'enum', name: 'Color', symbols: ['RED', 'BLUE'] } },
      { name: 'lists', type: ['null', { type: 'array', items: { type: 'array', items: ['null', 'string'] } }] },
      { name: 'next', type: ['null', 'T'] },
    )));
    expect(text).toContain('readonly flag: boolean;');
    expect(text).toContain('readonly blob: Buffer | null;');
    expect(text).toContain('readonly hash: Buffer;');
    expect(text).toContain('readonly sizes: Readonly<Record<string, number | null>>;');
    expect(text).toContain("export type ColorV1 = 'RED' | 'BLUE';");
    expect(text).toContain('readonly lists: (readonly (readonly (string | null)[])[]) | null;');
    expect(text).toContain('readonly next: TV1 | null;');
  });

  test('are refused for a union whose branches JavaScript cannot tell apart', () => {
    expect(() => render(subject(recordWith({ name: 'n', type: ['int', 'double'] })))).toThrow('TypeScript can tell apart');
  });
});

describe('reading the subjects', () => {
  const folderWith = async (files: Readonly<Record<string, unknown>>): Promise<string> => {
    const root = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
    folders.push(root);
    await mkdir(join(root, 't.T'));
    for (const [name, content] of Object.entries(files)) await writeFile(join(root, 't.T', name), typeof content === 'string' ? content : JSON.stringify(content));
    return root;
  };

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['a gap between versions', { 'v1.avsc': recordWith(a), 'v3.avsc': recordWith(a) }, 'expected v2.avsc, got v3.avsc'],
    ['no version', { 'readme.txt': '' }, 'expected v1.avsc'],
    ['another name than the folder', { 'v1.avsc': { type: 'record', name: 't.U', fields: [] } }, 'expected a record named t.T'],
    ['a schema that is none', { 'v1.avsc': { type: 'rcord' } }, 'v1.avsc: unknown type'],
    ['no JSON', { 'v1.avsc': '{' }, 'v1.avsc: '],
  ])('stops at %s', async (_name, files, message) => {
    await expect(folderWith(files).then(readSubjects)).rejects.toThrow(message);
  });

  test('sorts versions by number', async () => {
    const files = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`v${String(i + 1)}.avsc`, recordWith(a)]));
    const [found] = await folderWith(files).then(readSubjects);
    expect(found?.versions.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});

describe('npm run schemas:check', () => {
  /** A copy of the repository's schemas, so that a test may spoil them. */
  const copyOfSchemas = async (): Promise<string> => {
    const root = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
    folders.push(root);
    await cp(join(repository, 'schemas'), join(root, 'schemas'), { recursive: true });
    await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    return root;
  };
  const run = (root: string): Promise<{ code: number; output: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, [join(root, 'schemas/generate/main.ts'), '--check'], (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
      });
    });

  test('passes for the schemas of this repository', async () => {
    expect(await run(repository)).toMatchObject({ code: 0 });
  });

  test('fails when a schema changed and its types were not generated again', async () => {
    const root = await copyOfSchemas();
    const file = join(root, 'schemas/flights.Departure/v3.avsc');
    await cp(join(root, 'schemas/flights.Departure/v2.avsc'), file);
    const { code, output } = await run(root);
    expect(code).toBe(1);
    expect(output).toContain('flights.Departure: payload.generated.ts is not what its .avsc files say');
  });

  test('fails when a version breaks compatibility', async () => {
    const root = await copyOfSchemas();
    const { versions } = (await readSubjects(join(root, 'schemas'))).find(({ name }) => name === 'flights.Departure') ?? { versions: [] };
    const latest = versions.at(-1)?.schema as unknown as { fields: object[] };
    await writeFile(join(root, 'schemas/flights.Departure/v3.avsc'), JSON.stringify({ ...latest, fields: [...latest.fields, { name: 'gate', type: 'string' }] }));
    const { code, output } = await run(root);
    expect(code).toBe(1);
    expect(output).toContain('flights.Departure: v3 cannot read what v1 wrote');
    expect(output).toContain('flights.Departure: v3 cannot read what v2 wrote');
  });
});
