import { describe, expect, test } from 'vitest';
import type { Command } from 'commander';
import { createPlainDecoder } from '../../../shared/avro/plainDecoder.ts';
import { createClaimAccess } from '../../../shared/claims/claimAccess.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import { readConfig } from '../../../shared/runtime/config/readConfig.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import type { CliHost } from '../../../services/cli/cliHost.ts';
import { exitCodeMeanings } from '../../../services/cli/exitCodes.ts';
import { createProgram } from '../../../services/cli/program.ts';
import { runCli } from '../../../services/cli/runCli.ts';
import type { CommonOptions, Session } from '../../../services/cli/session.ts';
import { createShow } from '../../../services/cli/show/show.ts';

const cluster = createMemoryCluster({ clock: systemClock, random: Math.random });
for (const suffix of ['', '.retry', '.dlq', '.events']) cluster.inspect.createTopic({ name: `billing${suffix}`, partitions: 2 });
const away = (): Promise<never> => Promise.reject(new MillraceError('STATUS_UNAVAILABLE', { at: 'here' }));

/** A session whose Kafka is in memory, and whose status service is away. */
function openMemorySession(host: CliHost, options: CommonOptions): Promise<Session> {
  const broker = cluster.broker();
  const admin = broker.createAdmin({ clientId: 'cli' });
  const producer = broker.createProducer({ clientId: 'cli' });
  const registry = createMemoryRegistry();
  return Promise.resolve({
    host, clock: systemClock, show: createShow(host, options.json === true, systemClock), brokers: 'memory', registryUrl: 'http://127.0.0.1:1', statusUrl: 'http://127.0.0.1:1', broker, admin, registry,
    decoder: createPlainDecoder({ registry, clock: systemClock }), status: { get: away, send: away },
    commandTools: async () => {
      await producer.start();
      return { broker, admin, producer };
    },
    claims: () => Promise.resolve(createClaimAccess({ payloads: null, registry, clock: systemClock, logger: createLogger({ level: 'silent', service: 'cli', clock: systemClock }) })),
    interruptible: (work) => work(new AbortController().signal),
    settings: (keys) => readConfig(keys, host.env, []),
    close: async () => {
      await producer.close();
      await admin.close();
    },
  } satisfies Session);
}

async function call(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const out = { stdout: '', stderr: '' };
  const host: CliHost = {
    env: {}, cwd: import.meta.dirname, pid: process.pid, nodeVersion: process.version, kill: () => true, stdin: (async function* none() { /* nothing */ })(),
    stdout: { write: (text) => { out.stdout += text; } }, stderr: { write: (text) => { out.stderr += text; } }, onInterrupt: () => () => undefined,
  };
  return { code: await runCli(host, args, '0.0.0', openMemorySession), ...out };
}

const program = createProgram({ stdout: { write: () => undefined }, stderr: { write: () => undefined } }, () => Promise.resolve(), '');
const leaves = program.commands.flatMap((one) => (one.commands.length === 0 ? [one] : one.commands)).filter((one) => one.name() !== 'help');
const nameOf = (command: Command): string[] => [...(command.parent === program || command.parent === null ? [] : [command.parent.name()]), command.name()];
const documented = new Set<number>(exitCodeMeanings.map(([code]) => code));

const absurd = ['', '-1', 'NaN', '1e400', '99999999999999999999', '@no/such/file', '\u0000', '{"a":', '9999:9999', '2999-01-01T00:00:00Z', '9999999999d', 'x'.repeat(70_000)];

/** What is needed for a command to come as far as the value that is tried. */
const given: Readonly<Record<string, readonly string[]>> = { '<queue>': ['billing'], '<queues...>': ['billing'], '<payload>': ['{}'] };
const fill = (command: Command): string[] => command.registeredArguments.flatMap((one) => (one.required ? given[`<${one.name()}${one.variadic ? '...' : ''}>`] ?? ['some'] : []));

/** One line that says what is wrong (an error with fields has a line for each), or how the command is called; never a stack. */
function judge(args: readonly string[], { code, stderr }: { code: number; stderr: string }): void {
  const shown = JSON.stringify(args.map((one) => one.slice(0, 40)));
  expect(documented, `${shown} ended with ${code}`).toContain(code);
  expect(stderr, shown).not.toMatch(/^\s+at .+:\d+:\d+/m);
  expect(stderr, shown).not.toMatch(/TypeError|RangeError|ReferenceError|UNEXPECTED/);
  if (code !== 0 && code !== 1 && code !== 3) expect(stderr.length, shown).toBeGreaterThan(10);
  expect(stderr.split('\n').length, `${shown}: ${stderr.slice(0, 500)}`).toBeLessThan(8);
}

/** Options that let a command come farther than its first refusal. */
const farther: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'replay': [['--dry-run'], ['--dry-run', '--all']], 'redrive': [['--all']], 'discard': [['--all']], 'move-offsets': [[], ['--to', 'end']],
  'enqueue': [['--queue', 'billing']], 'schedules put': [['--queue', 'billing', '--every', '5m']], 'schedules next': [['--every', '5m'], ['--cron', '0 3 * * *']], 'queues': [['--direct']], 'claims expire': [['--older-than', '400d']],
};

describe.each(leaves.map((command) => [nameOf(command).join(' '), command] as const))('millrace %s', (name, command) => {
  test('ends with a documented code and a clear line, whatever its arguments and options are', async () => {
    const path = nameOf(command);
    const words = fill(command);
    const options = command.options.filter((one) => one.required && !['--brokers', '--registry', '--status-url'].includes(one.long ?? ''));
    const lines = absurd.flatMap((value) => (farther[name] ?? [[]]).flatMap((base) => [
      ...command.registeredArguments.map((_, at) => [...path, ...base, '--', ...words.slice(0, at), value, ...words.slice(at + 1)]),
      ...options.map(({ long }) => [...path, ...base, `${long ?? ''}=${value}`, '--', ...words]),
    ]));
    await Promise.all(lines.map(async (args) => { judge(args, await call(args)); }));
  });
});

test.each<[number, string[]]>([
  [2, ['replay', 'billing', '--dry-run']], [2, ['replay', 'billing', '--dry-run', '--name', 'never-begun']], [2, ['replay', 'billing', '--dry-run', '--all', '--from', '2h']], [2, ['replay', 'billing', '--dry-run', '--from', '2h', '--offsets', '0:0-5']],
  [2, ['replay', 'billing', '--dry-run', '--offsets', '0:0-5', '--offsets', '0:6-9']], [2, ['replay', 'billing', '--dry-run', '--from', '1h', '--to', '2h']], [2, ['replay', 'billing', '--dry-run', '--offsets', '7:']], [3, ['replay', 'billing', '--dry-run', '--all']],
  [2, ['replay', 'billing', '--all']], [2, ['replay', 'billing', '--all', '--jobs', './no-such-module.js']], [2, ['replay', 'billing', '--all', '--jobs', '../../integration/cli/jobs.ts', '--report', 'no/such/folder/report']], [3, ['replay', 'no-such-queue', '--dry-run', '--all']],
  [2, ['replay', 'billing', '--all', '--dry-run', '--on-failure', 'perhaps']],
  [2, ['move-offsets', 'billing']], [2, ['move-offsets', 'billing', '--to', 'end', '--offset', '0:0']], [2, ['move-offsets', 'billing', '--offset', '0:0', '--offset', '0:1']], [2, ['move-offsets', 'billing', '--offset', '0:99']],
  [2, ['pause', 'billing', '--kind', 'a', '--key', 'b']], [2, ['redrive', 'billing']], [2, ['redrive', 'billing', '--all', '--per-second', '-5']], [2, ['discard', 'billing', '--all', '--per-second', 'Infinity']],
])('ends with %i: millrace %j', async (code, args) => {
  const end = await call(args);
  judge(args, end);
  expect([end.code, end.stderr]).toEqual([code, code === 2 ? expect.stringMatching(/^millrace: .+\n/) as string : end.stderr]);
});
