import type { Command } from 'commander';
import type { ExitCode } from './exitCodes.ts';
import type { CommonOptions, Session } from './session.ts';

/** Opens a session, performs, closes, and notes the exit code. */
export type Perform = (options: CommonOptions, action: (session: Session) => Promise<ExitCode | void>) => Promise<void>;

/** A command as the program is put together of. */
export interface CommandSpec<Options> {
  /** Name and arguments: "redrive <queue>". */
  readonly usage: string;
  readonly summary: string;
  /** More of it, in the command's own help. */
  readonly description?: string;
  /** Arguments after `millrace`; each with what it does, if that is not plain. */
  readonly examples: readonly (string | readonly [line: string, does: string])[];
  /** Declares the command's own options. */
  readonly options?: (command: Command) => void;
  /** The arguments come as declared: a variadic one is a list. */
  readonly action: (session: Session, args: readonly (string | readonly string[] | undefined)[], options: Options & CommonOptions) => Promise<ExitCode | void>;
}

/** Adds a command, with the options that all have and its examples. */
export function addCommand<Options = object>(parent: Command, perform: Perform, spec: CommandSpec<Options>): void {
  const command = parent.command(spec.usage).summary(spec.summary).description(spec.description === undefined ? spec.summary : `${spec.summary}\n\n${spec.description}`);
  command.optionsGroup('Options:');
  spec.options?.(command);
  command.option('--json', 'one JSON document on standard output, for machines');
  command.helpOption('-h, --help', 'this text');
  command.optionsGroup('Where it is (default: the environment, then .millrace/dev.json):');
  command
    .option('--brokers <addresses>', 'Kafka, "host:port,host:port" (KAFKA_BROKERS)')
    .option('--registry <url>', 'schema registry (SCHEMA_REGISTRY_URL)')
    .option('--status-url <url>', 'status service (MILLRACE_STATUS_URL)');
  command.addHelpText('after', `\nExamples:\n${renderExamples(spec.examples)}`);
  command.action(async function act(this: Command) {
    await perform(this.opts<CommonOptions>(), (session) => spec.action(session, this.processedArgs as (string | string[] | undefined)[], this.opts<Options & CommonOptions>()));
  });
}

function renderExamples(examples: CommandSpec<unknown>['examples']): string {
  return examples.map((one) => (typeof one === 'string' ? `  $ millrace ${one}` : `  $ millrace ${one[0]}\n      ${one[1]}`)).join('\n');
}
