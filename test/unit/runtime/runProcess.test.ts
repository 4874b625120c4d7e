import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { runProcess, type ProcessConfig, type ServiceHost } from '../../../shared/runtime/runProcess.ts';
import { createService, type Service, type StopSignal } from '../../../shared/runtime/service.ts';

function setUp(...args: string[]) {
  const listeners = new Map<StopSignal, (signal: StopSignal) => void>();
  const exits: number[] = [];
  const told: string[] = [];
  const answered: string[] = [];
  const host: ServiceHost = {
    argv: ['node', 'main.ts', ...args],
    env: { NAME: 'value' },
    stdout: { write: (text) => answered.push(text) },
    on: (signal, listener) => listeners.set(signal, listener),
    off: (signal) => listeners.delete(signal),
    stderr: { write: (text) => told.push(text) },
    exit: (code) => exits.push(code),
  };
  const journal: string[] = [];
  const recorded = (start: () => Promise<void> = () => Promise.resolve()): Service => createService('recorded', {
    async start() {
      journal.push('starts');
      await start();
    },
    stop: () => Promise.resolve(journal.push('stops')),
  });
  return { host, exits, told, answered, journal, recorded, listeners };
}
const config: ProcessConfig = { logLevel: 'silent', startJitter: 0, stopTimeout: 5000 };
const usage = 'millrace-test [--rebuild]; see docs/config.md';

describe('a service process', () => {
  it('reads its settings from the environment, and exits 0 when a signal has stopped it cleanly, deaf to signals then', async () => {
    const { host, exits, journal, recorded, listeners } = setUp();
    let given: unknown = null;
    await runProcess(host, {
      name: 'test', usage,
      readConfig(env) {
        given = env['NAME'];
        return config;
      },
      createServices: () => [recorded(), createService('asks', {
        start: () => Promise.resolve(listeners.get('SIGTERM')?.('SIGTERM')),
        stop: () => Promise.resolve(),
      })],
    });
    expect(given).toBe('value');
    expect(journal).toEqual(['starts', 'stops']);
    expect(exits).toEqual([0]);
    expect(listeners.size).toBe(0);
  });

  it('exits 1 when a service does not start, after stopping what had', async () => {
    const { host, exits, journal, recorded } = setUp();
    await runProcess(host, { name: 'test', usage, readConfig: () => config, createServices: () => [recorded(() => Promise.reject(new Error('no port')))] });
    expect(journal).toEqual(['starts', 'stops']);
    expect(exits).toEqual([1]);
  });

  it('exits 2 with what is wrong on standard error when its settings are, and starts nothing', async () => {
    const { host, exits, told, journal } = setUp();
    await runProcess(host, {
      name: 'test', usage,
      readConfig: () => { throw new MillraceError('BAD_CONFIG', { at: 'KAFKA_BROKERS', got: 'nothing' }); },
      createServices: () => [],
    });
    expect(exits).toEqual([2]);
    expect(told.join('')).toMatch(/KAFKA_BROKERS/);
    expect(journal).toEqual([]);
  });

  it('throws what is nobody\'s mistake in the settings, so that its stack is seen', async () => {
    const { host, exits } = setUp();
    await expect(runProcess(host, { name: 'test', usage, readConfig: () => config, createServices: () => Promise.reject(new TypeError('a bug')) })).rejects.toThrow('a bug');
    expect(exits).toEqual([]);
  });

  it.each(['--help', '-h'])('tells by %s how it is called, needs no settings for that, and starts nothing', async (flag) => {
    const { host, exits, told, answered } = setUp(flag);
    await runProcess(host, { name: 'test', usage, readConfig: () => { throw new Error('settings were read'); }, createServices: () => [] });
    expect(answered.join('')).toBe(`${usage}\n`);
    expect(told).toEqual([]);
    expect(exits).toEqual([0]);
  });

  it.each([[['--rebiuld']], [['./jobs.js']], [['--rebuild=yes']]])('exits 2 with its usage on standard error at arguments that it does not take (%j), and starts nothing', async (args) => {
    const { host, exits, told, answered, journal, recorded } = setUp(...args);
    await runProcess(host, { name: 'test', usage, options: { rebuild: { type: 'boolean' } }, readConfig: () => config, createServices: () => [recorded()] });
    expect(told.join('')).toContain(usage);
    expect(told.join('')).toContain((args[0] ?? '').replace('=yes', ''));
    expect(answered).toEqual([]);
    expect(journal).toEqual([]);
    expect(exits).toEqual([2]);
  });

  it('hands its services the options and modules that it takes', async () => {
    const { host, recorded } = setUp('--rebuild', './jobs.js');
    const given: unknown[] = [];
    await runProcess(host, {
      name: 'test', usage, options: { rebuild: { type: 'boolean' } }, positionals: true, readConfig: () => config,
      createServices: (_config, _logger, { values, positionals }) => {
        given.push(values.rebuild, positionals);
        return [recorded(() => Promise.reject(new Error('enough')))];
      },
    });
    expect(given).toEqual([true, ['./jobs.js']]);
  });
});
