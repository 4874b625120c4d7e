#!/usr/bin/env node
import { isMillraceError, MillraceError } from '../../shared/errors/MillraceError.ts';
import { runProcess } from '../../shared/runtime/runProcess.ts';
import { readOutboxRelayConfig } from './config.ts';
import { createOutboxRelayServices } from './relayService.ts';
import { isSickCommand, runSickCommand } from './sickCommand.ts';

/** An outbox relay: `node services/outbox-relay/main.ts` carries outbox rows to Kafka until SIGTERM; with `sick`, `retry` or `drop` it sees to refused ones. Settings: docs/config.md. */
const [command, which] = process.argv.slice(2);
if (isSickCommand(command)) {
  try {
    for (const line of await runSickCommand(readOutboxRelayConfig(process.env), command, which)) process.stdout.write(`${line}\n`);
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.code === 'BAD_CONFIG' ? 2 : 1;
  }
} else {
  await runProcess(process, {
    name: 'outbox-relay',
    readConfig(env) {
      // A misspelt "drop" must not become one more relay.
      if (command !== undefined) throw new MillraceError('BAD_CONFIG', { at: 'arguments', expected: 'none, to relay; or sick, retry or drop', got: command });
      return readOutboxRelayConfig(env);
    },
    createServices: (config, logger) => createOutboxRelayServices(config, logger),
  });
}
