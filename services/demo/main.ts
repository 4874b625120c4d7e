import { join, resolve } from 'node:path';
import { startDevStack } from '../../shared/embedded/devStack.ts';
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { connectionKeys, developmentKeys, knownNames } from '../../shared/runtime/config/keys.ts';
import { readConfig } from '../../shared/runtime/config/readConfig.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { listenForStop } from '../../shared/runtime/stopRequest.ts';
import { forgetRuns, startDemo } from './demo.ts';
import { HELP, readOptions } from './options.ts';
import { createScreen } from './screen.ts';

/** `npm start`: the whole journey on one machine, from starting Kafka to checking what became of 20,000 jobs. */
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else await start(options);
} catch (error) {
  if (!isMillraceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function start(options: ReturnType<typeof readOptions>): Promise<void> {
  const root = join(import.meta.dirname, '..', '..');
  const { cacheDir } = readConfig({ ...connectionKeys, ...developmentKeys }, process.env, knownNames);
  const homeDir = options.home === null ? join(root, '.millrace') : resolve(options.home);
  const onTerminal = process.stdout.isTTY && !options.json;
  const screen = createScreen(options.json ? 'json' : onTerminal ? 'line' : 'lines', (text) => { process.stdout.write(text); }, () => process.stdout.columns);
  const stop = listenForStop(process, systemClock);

  const starting = startDevStack({
    host: process,
    cacheDir: resolve(root, cacheDir),
    homeDir,
    startedBy: 'start',
    fresh: options.fresh,
    report: (line) => { screen.say(line); },
  });
  const stack = await Promise.race([starting, stop.asked]);
  // What has been started by now ends with this process: its guards see to that.
  if (stack === undefined) process.exit(130);
  void stop.insisted.then(() => process.exit(130));
  const died = stack.died.then(async (who) => {
    screen.say(`${who} ended by itself; see ${stack.logFiles.join(', ')}`);
    // A worker cannot drain without them; what it did not finish runs at the next start.
    await stack.stop();
    process.exit(1);
  });

  try {
    if (options.fresh) {
      await forgetRuns(homeDir);
      if (!stack.ownsTopics) screen.say('the topics stay as they are: this Kafka was not started here');
    }
    const demo = await startDemo({
      options, brokers: stack.brokers, registryUrl: stack.registryUrl, homeDir, screen, reportEveryMs: onTerminal ? 200 : options.json ? 500 : 2000, clock: systemClock, signal: stop.signal,
    });
    try {
      const verdict = await Promise.race([demo.finished, died]);
      if (options.once) process.exitCode = verdict?.ok === true ? 0 : 1;
      else if (verdict !== null) {
        screen.say(`Kafka stays up on ${stack.brokers}, the schema registry on ${stack.registryUrl}; the worker waits for jobs. Ctrl-C stops everything`);
        await Promise.race([stop.asked, died]);
      }
      screen.say('stopping');
    } finally {
      await demo.stop();
    }
  } finally {
    await stack.stop();
  }
}
