import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { writeDevFile } from '../../../shared/embedded/devFile.ts';
import { uniqueName } from '../../topicNames.ts';
import { commandsOf, readCommands } from './readCommands.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const commands = await readCommands(root);
const pages = ['README.md', 'CONTRIBUTING.md'];
/** Those that stand in the middle of a text. */
const inText = (await Promise.all(pages.map(async (page) => [...(await readFile(join(root, page), 'utf8')).matchAll(/`(npx millrace[^`]*)`/g)].map(([, command = '']) => ({ page, command }))))).flat();

/** What `npm start` prints once it is open for visitors. */
interface Opened {
  readonly commands: readonly [string, string, string];
  readonly jobId: string;
  readonly intakeUrl: string;
  readonly statusUrl: string;
}

let home: string;
let queue: string;
let start: ChildProcess;
let opened: Opened;
const given = () => ({ KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl') });
/** An environment that names no other Kafka than the given one. */
const clean = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'KAFKA_BROKERS' && name !== 'SCHEMA_REGISTRY_URL')), MILLRACE_CACHE_DIR: inject('cacheDir'), ...more,
});

interface End { readonly code: number; readonly stdout: string; readonly stderr: string }

function shell(command: string, env: NodeJS.ProcessEnv = clean()): Promise<End> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', command], { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
  });
}

const succeeds = async (command: string, env?: NodeJS.ProcessEnv): Promise<string> => {
  const { code, stdout, stderr } = await shell(command, env);
  expect(code, `${command}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
};

/** A program that refuses an option it does not know has taken those before it. */
const takesItsOptions = async (command: string): Promise<void> => {
  const { code, stderr } = await shell(`${command} --no-such-option`);
  expect(code).not.toBe(0);
  expect(stderr).toContain('\'--no-such-option\'');
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), `millrace-test-${process.pid}-`));
  queue = uniqueName('flights');
  // As beside a running `npm run stack`: the Kafka is the developer's own, so that everything runs.
  await writeDevFile(join(home, 'dev.json'), { brokers: inject('brokers'), registryUrl: inject('registryUrl'), startedBy: 'stack', pids: [process.pid], startedAt: new Date().toISOString() });
  start = spawn('npm', ['start', '--silent', '--', '--json', '--home', home, '--records', '20', '--queue', queue], {
    cwd: root, detached: true, stdio: ['ignore', 'pipe', 'inherit'],
    // The Kafka of the tests is full of others' queues.
    env: clean({ MILLRACE_INTAKE_PORT: '0', MILLRACE_STATUS_PORT: '0', MILLRACE_SCHEDULER_PORT: '0', MILLRACE_SCHEDULES_TOPIC: uniqueName('schedules'), MILLRACE_STATUS_QUEUES: `${queue},${queue}-announcements` }),
  });
  opened = await new Promise<Opened>((resolve, reject) => {
    if (start.stdout !== null) createInterface({ input: start.stdout }).on('line', (line) => {
      const told = JSON.parse(line) as { event: string };
      if (told.event === 'try') resolve(told as unknown as Opened);
    });
    start.once('close', (code) => { reject(new Error(`npm start ended with ${String(code)}; its log is in ${home}`)); });
  });
  await succeeds(opened.commands[0]);
});

afterAll(async () => {
  if (start.exitCode === null && start.pid !== undefined) {
    const ended = once(start, 'close');
    process.kill(-start.pid, 'SIGINT');
    await ended;
  }
  await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const node = `${process.execPath} --no-warnings --conditions=source`;
const sourceOf = (built: string | undefined): string => (built ?? 'no-such-command').replace(/^dist\//, '').replace(/\.js$/, '.ts');
const helps = new Map<string, Promise<string>>();

function helpOf(command: string): Promise<string> {
  const known = helps.get(command) ?? succeeds(`${node} services/cli/main.ts ${command} --help`);
  helps.set(command, known);
  return known;
}

interface Way {
  readonly of: RegExp;
  readonly run: (command: string) => Promise<void>;
}

/** How each command is run here: as it is written, or in its shortest form. What is installed already is not installed again. */
const ways: readonly Way[] = [
  {
    of: /^npm install && npm start$/,
    async run() {
      const [send, ask, operate] = opened.commands;
      // The same key: the same answer, and one job.
      expect(JSON.parse(await succeeds(send))).toMatchObject({ id: opened.jobId });
      expect(JSON.parse(await succeeds(ask))).toHaveProperty('summary');
      // The status knows it from the moment of its 202 on; its end a little later.
      await expect.poll(() => succeeds(operate), { timeout: 60_000, interval: 500 }).toMatch(/SFO to LAX: 42 minutes late/);
    },
  },
  {
    of: /^npm install && npm test$/,
    async run() {
      // This test is a part of it.
      const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
      expect(scripts['test']).toBe('npm run lint && npm run types && vitest run');
    },
  },
  // Run, tiny, by bench.test.ts.
  { of: /^npm run bench$/, run: async (command) => { await succeeds(`${command} -- --help`); } },
  // What they do for minutes and hours, test/guarantees and test/chaos do for seconds.
  { of: /^npm run guarantees -- outage /, run: (command) => takesItsOptions(command.replace(/--part \S+/, '--part retry')) },
  { of: /^npm run (guarantees|chaos) -- /, run: takesItsOptions },
  {
    of: /^npm run stack$/,
    async run(command) {
      const folder = join(home, 'stack');
      const stack = spawn('sh', ['-c', `exec ${command} -- --home ${folder}`], { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'inherit'], env: clean(given()) });
      const ended = once(stack, 'close');
      await new Promise<void>((resolve) => {
        if (stack.stdout !== null) createInterface({ input: stack.stdout }).on('line', (line) => { if (line.includes('Ctrl-C')) resolve(); });
      });
      await access(join(folder, 'dev.json'));
      process.kill(-(stack.pid ?? 0), 'SIGINT');
      expect(await ended).toEqual([0, null]);
    },
  },
  {
    of: /^curl .*localhost:94[12]0/,
    async run(command) {
      const payload = '{"date": "2001/01/01 06:55", "delay": 0, "distance": 337, "origin": "SFO", "destination": "LAX"}';
      const here = command
        .replaceAll('localhost:9410', opened.intakeUrl).replaceAll('localhost:9420', opened.statusUrl).replaceAll('billing', `${queue}-announcements`).replaceAll('import-42', opened.jobId)
        .replaceAll('order.charge', 'flight.announce').replaceAll('{"orderId": "42"}', payload)
        // Nothing is ever sent there; but a name would be looked up.
        .replaceAll('https://example.org/', 'https://93.184.215.14/');
      await succeeds(here.replace('curl', 'curl --silent --show-error --fail-with-body --max-time 60'));
    },
  },
  { of: /^npx millrace-schemas/, run: async () => { await succeeds('npm run --silent schemas:check'); } },
  {
    // What they do on a cluster is test/integration/cli's; here: that there is such a command, with such options.
    of: /^npx millrace /,
    async run(command) {
      const [name = '', ...rest] = command.replace(/^npx millrace /, '').replace('<command>', '').split(' ');
      const help = await helpOf(name);
      for (const option of rest.filter((word) => /^--\w/.test(word))) expect(help).toContain(option);
    },
  },
  {
    // The packed commands are run by package.test.ts; here each says what it needs.
    of: /^(\w+=\S+ )*npx millrace-\w/,
    async run(command) {
      const [name = '', ...args] = command.replace(/^.*npx /, '').split(' ');
      const { bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
      const { code, stderr } = await shell(`${node} ${sourceOf(bin[name])} ${args.filter((word) => !word.includes('/')).join(' ')}`);
      expect(code, stderr).toBe(2);
    },
  },
];

describe('what the README and the docs tell to type', () => {
  it.each([...commands, ...inText].filter(({ command }, at, all) => all.findIndex((other) => other.command === command) === at))('$page: $command', async ({ command }) => {
    const way = ways.find(({ of }) => of.test(command));
    expect(way, 'a way to run it in this test').toBeDefined();
    await way?.run(command);
  });

  it('lets no site in that has its name resolved to this machine', async () => {
    for (const url of [opened.intakeUrl, opened.statusUrl]) {
      expect(await succeeds(`curl --silent --max-time 60 -H 'host: evil.example:9420' ${url}/openapi.json`)).toContain('OTHER_HOST');
    }
  });

  it('is read as a shell would: without comments, and with lines that go on', () => {
    expect(commandsOf('page', 'x\n```sh\na b   # c\n\ncurl x \\\n  -d \'#1\'\n# only a comment\n```\n```ts\nno\n```\n').map(({ command }) => command)).toEqual(['a b', 'curl x -d \'#1\'']);
    expect(commands.length).toBeGreaterThan(8);
  });
});
