import type { Command } from 'commander';
import type { CliHost } from '../cliHost.ts';
import { exitCodeMeanings } from '../exitCodes.ts';
import { createProgram } from '../program.ts';

const INTRO = `# The command line

Written by \`npm run docs:cli\` from the program's own help. Do not edit.

\`npx millrace <command>\` in an application, \`npm run -s millrace -- <command>\` in this repository. Kafka and registry come from \`--brokers\` and \`--registry\`,
else \`KAFKA_BROKERS\` and \`SCHEMA_REGISTRY_URL\`, else what \`npm run stack\` or \`npm start\` wrote to \`.millrace/dev.json\`; the status service from
\`--status-url\`, \`MILLRACE_STATUS_URL\`, or the same file. \`status\`, \`explain\`, \`jobs\`, \`queues\` and \`tags\` ask the status service; all else talks to Kafka directly.

Results are on standard output: tables for people, with \`--json\` one JSON document. Remarks, progress bars (elsewhere than on a terminal a line every five seconds) and errors are on standard
error. With \`--json\` remarks and progress are left out: standard error has one line \`{"error":{"code","message"}}\` for an error, with the codes of the error catalogue, and
lines such as \`{"waits":{…}}\` for what keeps long work from its end.
`;

/** docs/cli.md. */
export function renderCliPage(): string {
  const silent = { write: () => undefined, columns: 120 };
  const host: Pick<CliHost, 'stdout' | 'stderr'> = { stdout: silent, stderr: silent };
  const program = createProgram(host, () => Promise.resolve(), '');
  const leaves = program.commands.filter((command) => command.name() !== 'help').flatMap((command) => (command.commands.length === 0 ? [command] : command.commands.filter((one) => one.name() !== 'help')));
  const exits = ['| code | means |', '|---|---|', ...exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`)].join('\n');
  return `${INTRO}\n## Exit codes\n\n${exits}\n\n## Commands\n\n${renderList(leaves)}\n\n${leaves.map(renderCommand).join('\n')}`;
}

/** Options that all commands have are told once, above. */
const COMMON = /^Where it is [\s\S]*?(?=^Examples:)/m;

function renderList(leaves: readonly Command[]): string {
  return ['| command | does |', '|---|---|', ...leaves.map((command) => `| \`${nameOf(command)}\` | ${command.summary()} |`)].join('\n');
}

function nameOf(command: Command): string {
  const parent = command.parent?.name() ?? '';
  return parent === 'millrace' ? command.name() : `${parent} ${command.name()}`;
}

function renderCommand(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => { help += text; } });
  command.outputHelp();
  const text = help.replace(COMMON, '').replaceAll(/^ {2}(--json|-h, --help) .*\n/gm, '').replace(/^Options:\n\n/m, '').trimEnd();
  return `### ${nameOf(command)}\n\n\`\`\`text\n${text}\n\`\`\`\n`;
}
