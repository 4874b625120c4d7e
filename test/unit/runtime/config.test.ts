import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { addresses, choice, duration, httpUrl, size, text, whole } from '../../../shared/runtime/config/declare.ts';
import { configSections, connectionKeys, knownNames, processKeys, workerKeys } from '../../../shared/runtime/config/keys.ts';
import { readConfig } from '../../../shared/runtime/config/readConfig.ts';
import { requireConnections } from '../../../shared/runtime/config/requireConnections.ts';
import { renderConfigPage } from '../../../shared/runtime/config/renderConfigPage.ts';

const keys = {
  name: text({ env: 'MILLRACE_NAME', default: 'x', prose: '' }),
  count: whole({ env: 'MILLRACE_COUNT', default: '5', min: 1, max: 10, prose: '' }),
  wait: duration({ env: 'MILLRACE_WAIT', default: '1s', min: '0s', max: '1m', prose: '' }),
  room: size({ env: 'MILLRACE_ROOM', default: '1MiB', prose: '' }),
  level: choice({ env: 'MILLRACE_LEVEL', choices: ['low', 'high'], default: 'low', prose: '' }),
  brokers: addresses({ env: 'KAFKA_BROKERS', prose: '' }),
  url: httpUrl({ env: 'SCHEMA_REGISTRY_URL', prose: '' }),
};

function problemsOf(env: Record<string, string>): string {
  try {
    readConfig(keys, env);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'BAD_CONFIG') return error.message;
    throw error;
  }
  return '';
}

describe('readConfig', () => {
  it('gives the defaults where nothing, or emptiness, is set', () => {
    const expected = { name: 'x', count: 5, wait: 1000, room: 1_048_576, level: 'low', brokers: null, url: null };
    expect(readConfig(keys, {})).toEqual(expected);
    expect(readConfig(keys, { MILLRACE_COUNT: '', MILLRACE_WAIT: ' ' })).toEqual(expected);
  });

  it('gives typed values for what is set', () => {
    const config = readConfig(keys, {
      MILLRACE_NAME: 'n', MILLRACE_COUNT: '7', MILLRACE_WAIT: '1m', MILLRACE_ROOM: '3KiB', MILLRACE_LEVEL: 'high', KAFKA_BROKERS: 'a:1, [::1]:2',
      SCHEMA_REGISTRY_URL: 'http://u:p@r:1/', OTHER: 'x',
    });
    expect(config).toEqual({ name: 'n', count: 7, wait: 60_000, room: 3072, level: 'high', brokers: ['a:1', '[::1]:2'], url: 'http://u:p@r:1/' });
    expectTypeOf(config.level).toEqualTypeOf<'low' | 'high'>();
    expectTypeOf(config.brokers).toEqualTypeOf<readonly string[] | null>();
    expectTypeOf(config.count).toEqualTypeOf<number>();
  });

  it('tells all problems at once', () => {
    const message = problemsOf({ MILLRACE_COUNT: '11', MILLRACE_WAIT: '30', MILLRACE_ROM: '1MiB', KAFKA_BROKERS: 'nowhere' });
    expect(message).toContain('4 problems');
    expect(message).toContain('MILLRACE_COUNT: expected a whole number from 1 to 10, got "11"');
    expect(message).toContain('MILLRACE_WAIT: expected a duration from "0s" to "1m", got "30"');
    expect(message).toContain('MILLRACE_ROM: no such setting, did you mean MILLRACE_ROOM?');
    expect(message).toContain('KAFKA_BROKERS: expected addresses');
  });

  it.each([
    ['MILLRACE_COUNT', '1e1'], ['MILLRACE_COUNT', '-1'], ['MILLRACE_COUNT', '5.5'], ['MILLRACE_COUNT', '0x5'], ['MILLRACE_WAIT', '2m'], ['MILLRACE_ROOM', '5MB'],
    ['MILLRACE_ROOM', '0B'], ['MILLRACE_LEVEL', 'LOW'], ['KAFKA_BROKERS', 'http://a:1'], ['KAFKA_BROKERS', ','], ['SCHEMA_REGISTRY_URL', 'ftp://x'],
  ])('refuses %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toContain(`${name}: expected`);
  });

  it('does not show a secret', () => {
    expect(problemsOf({ SCHEMA_REGISTRY_URL: 'ftp://user:hunter2@x' })).not.toContain('hunter2');
  });

  it('knows the settings of other processes', () => {
    expect(() => readConfig({ ...connectionKeys, ...processKeys }, { MILLRACE_CONCURRENCY: '5' }, knownNames)).not.toThrow();
  });
});

describe('connections that are missing', () => {
  it.each([
    [null, null, 'KAFKA_BROKERS, SCHEMA_REGISTRY_URL', /KAFKA_BROKERS \(.*SCHEMA_REGISTRY_URL \(/],
    [null, 'http://r', 'KAFKA_BROKERS', /Set KAFKA_BROKERS/],
    [['k:1'], null, 'SCHEMA_REGISTRY_URL', /Set SCHEMA_REGISTRY_URL/],
  ])('are named in one error, and no value is made up for them (%s, %s)', (brokers, registryUrl, at, message) => {
    const refusal = () => requireConnections({ brokers, registryUrl });
    expect(refusal).toThrow(expect.objectContaining({ code: 'BAD_CONFIG', detail: expect.objectContaining({ at }) as unknown }) as Error);
    expect(refusal).toThrow(message);
    expect(refusal).not.toThrow(/nothing/);
  });
});

describe('the catalogue of settings', () => {
  const all = configSections.flatMap(({ keys: each }) => Object.values(each));

  it('has defaults that its own validators accept', () => {
    expect(readConfig({ ...connectionKeys, ...processKeys, ...workerKeys }, {})).toMatchObject({ concurrency: 100, httpHost: '127.0.0.1', roomBytes: 268_435_456 });
    for (const key of all) if (key.defaultText !== null) expect(key.read(key.defaultText), key.env).toHaveProperty('value');
  });

  it('names each setting once, with prose', () => {
    expect(new Set(knownNames).size).toBe(knownNames.length);
    for (const { prose, env } of all) expect(prose, env).toMatch(/\.$/);
  });

  it('is what docs/config.md shows', async () => {
    const page = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'config.md'), 'utf8');
    expect(page, 'run `npm run docs:config`').toBe(renderConfigPage());
  });
});
