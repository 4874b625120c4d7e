#!/usr/bin/env node
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { readOutboxRelayConfig } from './config.ts';
import { createOutboxRelayServices } from './relayService.ts';
import { isSickCommand, runSickCommand } from './sickCommand.ts';

/** An outbox relay: `node services/outbox-relay/main.ts` carries outbox rows to Kafka until SIGTERM; with `sick`, `retry` or `drop` it sees to refused ones. Settings: docs/config.md. */
const usage = `millrace-outbox-relay
millrace-outbox-relay sick [<seq>|<queue>] | retry <seq>|<queue>|all | drop <seq>

Carries outbox rows to Kafka, until SIGTERM. With a command it sees to refused rows instead: lists them, tries them again, or removes
one, so that its job never runs. See docs/outbox.md; settings are environment variables: docs/config.md.`;
const [command] = process.argv.slice(2);
if (isSickCommand(command)) {
  const given = takeArguments(process, { usage, positionals: true });
  try {
    for (const line of given === null ? [] : await runSickCommand(readOutboxRelayConfig(process.env), command, given.positionals[1])) process.stdout.write(`${line}\n`);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.code === 'BAD_CONFIG' ? 2 : 1;
  }
} else {
  // A misspelt "drop" must not become one more relay: it takes no words.
  await runProcess(process, { name: 'outbox-relay', usage, readConfig: readOutboxRelayConfig, createServices: (config, logger) => createOutboxRelayServices(config, logger) });
}
