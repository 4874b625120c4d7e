import { parseArgs } from 'node:util';
import { MAX_FLIGHTS } from '../../examples/flights/data.ts';
import { didYouMean } from '../../shared/errors/didYouMean.ts';
import { MillraceError } from '../../shared/errors/MillraceError.ts';

export interface DemoOptions {
  /** Flights to feed. */
  readonly records: number;
  /** Jobs to feed in a second. */
  readonly rate: number;
  readonly queue: string;
  /** The ignored folder that keeps everything; null: `.millrace` in the project. */
  readonly home: string | null;
  /** Forget earlier runs first. */
  readonly fresh: boolean;
  /** End after the summary, with exit code 1 if a check failed. */
  readonly once: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

export const HELP = `npm start -- [options]

Starts Kafka and a schema registry (or uses KAFKA_BROKERS and SCHEMA_REGISTRY_URL), and in this process all services on an
embedded database (or DATABASE_URL). Feeds real flight departures as jobs to a worker, shows what becomes of them, checks
it, prints commands to try, and stays up until Ctrl-C.

  --records <n>   flights to feed, 1 to ${MAX_FLIGHTS} (default ${MAX_FLIGHTS})
  --rate <n>      jobs to feed a second (default 800)
  --fresh         forget the topics and runs of earlier starts first
  --once          end after the summary: exit code 0 if all checks passed, else 1
  --json          one JSON object a line instead of text for people
  --queue <name>  queue to use (default flights)
  --home <path>   folder for topics, database, logs and dev.json (default .millrace)
  --help          this text
`;

const declared = {
  records: { type: 'string' }, rate: { type: 'string' }, queue: { type: 'string' }, home: { type: 'string' },
  fresh: { type: 'boolean' }, once: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
} as const;

/** Reads the command line. @throws MillraceError BAD_CONFIG, naming the option and what was expected */
export function readOptions(args: readonly string[]): DemoOptions {
  const { tokens } = parseArgs({ args: [...args], options: declared, strict: false, tokens: true });
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') refuse(token.value, 'options only');
    if (token.kind !== 'option') continue;
    const { name } = token;
    if (!isDeclared(name)) refuse(token.rawName, `one of ${Object.keys(declared).map((one) => `--${one}`).join(', ')}`, suggestion(name));
    const takesText = declared[name].type === 'string';
    if (takesText && (token.value === undefined || token.value === '' || token.value.startsWith('-'))) refuse(token.rawName, 'a value after it');
    if (!takesText && token.value !== undefined) refuse(`${token.rawName}=${token.value}`, `${token.rawName} without a value`);
    values.set(name, token.value ?? '');
  }
  return {
    records: whole(values, 'records', MAX_FLIGHTS, MAX_FLIGHTS),
    rate: whole(values, 'rate', 800, 1_000_000),
    queue: queueName(values.get('queue') ?? 'flights'),
    home: values.get('home') ?? null,
    fresh: values.has('fresh'),
    once: values.has('once'),
    json: values.has('json'),
    help: values.has('help'),
  };
}

function isDeclared(name: string): name is keyof typeof declared {
  return Object.hasOwn(declared, name);
}

function suggestion(name: string): string {
  const meant = didYouMean(name, Object.keys(declared));
  return `${meant === null ? '' : `Did you mean --${meant}? `}See npm start -- --help`;
}

function whole(values: ReadonlyMap<string, string>, name: string, otherwise: number, max: number): number {
  const text = values.get(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > max) refuse(text, `a whole number from 1 to ${max}`, undefined, `--${name}`);
  return Number(text);
}

/** As `defineJob` has it, but refused here, with the option's name. */
function queueName(text: string): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,99}$/.test(text)) refuse(text, 'lower-case letters, digits, - and _', undefined, '--queue');
  return text;
}

function refuse(got: string, expected: string, fix?: string, at = 'command line'): never {
  throw new MillraceError('BAD_CONFIG', { at, expected, got, ...(fix === undefined ? {} : { fix }) });
}
