import { parseArgs, type ParseArgsConfig } from 'node:util';
import { MillraceError } from '../errors/MillraceError.ts';

export type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

/** What a program takes on its command line. `--help` (`-h`) it always takes. */
export interface Taken<Options extends OptionsConfig> {
  /** For people: how it is called, what it takes. */
  readonly usage: string;
  readonly options?: Options;
  /** Whether it takes words that are no options. @default false */
  readonly positionals?: boolean;
}

type Parsed<Options extends OptionsConfig> = ReturnType<typeof parseArgs<{ options: Options; allowPositionals: true; strict: true }>>;

export interface Arguments<Options extends OptionsConfig> {
  readonly values: Parsed<Options>['values'];
  readonly positionals: readonly string[];
}

/** Reads a command line by what is declared. @returns null when it asks for help @throws MillraceError BAD_USAGE, with the usage as what to do */
export function readArguments<const Options extends OptionsConfig>(args: readonly string[], { usage, options, positionals = false }: Taken<Options>): Arguments<Options> | null {
  try {
    const parsed = parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } }, allowPositionals: positionals, strict: true });
    return (parsed.values as { readonly help?: boolean }).help === true ? null : { values: parsed.values as Parsed<Options>['values'], positionals: parsed.positionals };
  } catch (cause) {
    if (!isParseError(cause)) throw cause;
    const [flaw = ''] = cause.message.split('. ');
    throw new MillraceError('BAD_USAGE', { at: flaw, fix: `Usage:\n\n${usage.trimEnd()}`, cause });
  }
}

/** Where a program stands that reads its command line at its start; `process` fits. */
export interface ArgumentsHost {
  /** As `process.argv`: what the program is called with begins at the third. */
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exit(code: number): unknown;
}

/**
 * As {@link readArguments}, for a program that has nothing else to do then: help goes to standard output, and the program ends with 0; what it cannot
 * read goes to standard error with the usage, and it ends with 2. @returns null after that, where `exit` returns
 */
export function takeArguments<const Options extends OptionsConfig>(host: ArgumentsHost, taken: Taken<Options>): Arguments<Options> | null {
  try {
    const read = readArguments(host.argv.slice(2), taken);
    if (read !== null) return read;
    host.stdout.write(`${taken.usage.trimEnd()}\n`);
    host.exit(0);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    host.stderr.write(`${error.message}\n`);
    host.exit(2);
  }
  return null;
}

function isParseError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}
