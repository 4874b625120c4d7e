import { Command } from 'commander';
import type { CliHost } from './cliHost.ts';
import type { Perform } from './command.ts';
import { addClaimCommands } from './commands/claims.ts';
import { addDeadCommands } from './commands/dead.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEnqueueCommand } from './commands/enqueue.ts';
import { addJobCommands } from './commands/jobs.ts';
import { addMoveOffsetsCommand } from './commands/moveOffsets.ts';
import { addPauseCommands } from './commands/pauses.ts';
import { addQueueCommand } from './commands/queues.ts';
import { addRedriveCommands } from './commands/redrive.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addScheduleCommands } from './commands/schedules.ts';
import { addStatusCommands } from './commands/status.ts';
import { addTagCommands } from './commands/tags.ts';
import { addTopicCommands } from './commands/topics.ts';
import { exitCodeMeanings } from './exitCodes.ts';

/** The whole command line. `perform` runs what a command line asks for; wrong usage throws commander's own errors. */
export function createProgram(host: Pick<CliHost, 'stdout' | 'stderr'>, perform: Perform, version: string): Command {
  const program = new Command('millrace');
  program
    .description('Operates millrace: jobs on Kafka. Every command explains itself with --help.')
    .version(version, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this text')
    .helpCommand('help [command]', 'the text of a command')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => { host.stdout.write(text); },
      writeErr: (text) => { host.stderr.write(text); },
      getOutHelpWidth: () => Math.min(host.stdout.columns ?? 100, 120),
      getErrHelpWidth: () => Math.min(host.stderr.columns ?? 100, 120),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  program.commandsGroup('Jobs:');
  addEnqueueCommand(program, perform);
  addStatusCommands(program, perform);
  addJobCommands(program, perform);
  program.commandsGroup('The dead:');
  addDeadCommands(program, perform);
  addRedriveCommands(program, perform);
  addTagCommands(program, perform);
  program.commandsGroup('Queues:');
  addQueueCommand(program, perform);
  addPauseCommands(program, perform);
  addReplayCommand(program, perform);
  addMoveOffsetsCommand(program, perform);
  addScheduleCommands(program, perform);
  program.commandsGroup('The cluster:');
  addTopicCommands(program, perform);
  addDoctorCommand(program, perform);
  addClaimCommands(program, perform);
  program.addHelpText('after', `\nExit codes:\n${exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning.replaceAll('`', '')}`).join('\n')}`);
  return program;
}
