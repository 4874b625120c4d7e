import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { startDevStack, type DevStack } from '../../shared/embedded/devStack.ts';
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { connectionKeys, developmentKeys, knownNames } from '../../shared/runtime/config/keys.ts';
import { readConfig } from '../../shared/runtime/config/readConfig.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { listenForStop } from '../../shared/runtime/stopRequest.ts';
import { forgetRuns, startDemo } from './demo.ts';
import { HELP, readOptions, type DemoOptions } from './options.ts';
import { databaseFolder, startPlatform } from './platform.ts';
import { createScreen } from './screen.ts';
import { tryOut } from './tryOut.ts';

/** `npm start`: the whole platform in one process, from starting Kafka to checking what became of 20,000 jobs, and open for yours. */
try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else await start(options);
} catch (error) {
  if (!isMillraceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function start(options: DemoOptions): Promise<void> {
  const root = join(import.meta.dirname, '..', '..');
  const { cacheDir, brokers: given } = readConfig({ ...connectionKeys, ...developmentKeys }, process.env, knownNames);
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
    await forget(stack);
    const { logFile, platform } = await open(stack, (statusUrl) => stack.tellStatus(statusUrl));
    try {
      const demo = await startDemo({
        options, brokers: stack.brokers, registryUrl: stack.registryUrl, homeDir, screen, reportEveryMs: onTerminal ? 200 : options.json ? 500 : 2000, clock: systemClock, signal: stop.signal,
      });
      try {
        const verdict = await Promise.race([demo.finished, died]);
        if (options.once) process.exitCode = verdict?.ok === true ? 0 : 1;
        else if (verdict !== null) {
          screen.say(`Kafka stays up on ${stack.brokers}, the schema registry on ${stack.registryUrl}; the workers wait for jobs. Ctrl-C stops everything`);
          const { commands, jobId } = tryOut(platform, `flight-${Math.floor(systemClock.now() / 1000)}`, options.home === null && stack.ownsTopics);
          const { intakeUrl, statusUrl, schedulerUrl } = platform;
          screen.tell('try', { commands, jobId, intakeUrl, statusUrl, schedulerUrl, logFile }, [`try, in another terminal (log: ${logFile}):`, ...commands.map((command) => `  ${command}`)]);
          await Promise.race([stop.asked, died]);
        }
        screen.say('stopping');
      } finally {
        await demo.stop();
      }
    } finally {
      await platform.stop();
    }
  } finally {
    await stack.stop();
  }

  async function forget({ ownsTopics, brokers }: DevStack): Promise<void> {
    if (!options.fresh) return;
    await forgetRuns(homeDir);
    await rm(databaseFolder(homeDir, given === null ? null : brokers), { recursive: true, force: true });
    if (!ownsTopics) screen.say('the topics stay as they are: this Kafka was not started here');
  }

  async function open({ brokers, registryUrl }: DevStack, tellStatus: DevStack['tellStatus']) {
    await mkdir(homeDir, { recursive: true });
    const logFile = join(homeDir, 'services.log');
    const destination = pino.destination({ dest: logFile, sync: true });
    const platform = await startPlatform({
      host: process, brokers, registryUrl, homeDir, queue: `${options.queue}-announcements`, shownQueues: [options.queue], ownKafka: given === null,
      loggerOf: (service) => createLogger({ level: 'info', service, clock: systemClock, destination }),
    });
    await tellStatus(platform.statusUrl);
    screen.say(`intake on ${platform.intakeUrl}, status on ${platform.statusUrl}${platform.schedulerUrl === null ? '' : `, schedules on ${platform.schedulerUrl}`}`);
    return { logFile, platform };
  }
}
