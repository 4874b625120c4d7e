import { join, resolve } from 'node:path';
import { startDevStack } from '../../shared/embedded/devStack.ts';
import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import { connectionKeys, developmentKeys, knownNames } from '../../shared/runtime/config/keys.ts';
import { readConfig } from '../../shared/runtime/config/readConfig.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { takeArguments } from '../../shared/runtime/readArguments.ts';
import { listenForStop } from '../../shared/runtime/stopRequest.ts';

/** `npm run stack [-- --home <folder>]`: Kafka and a schema registry for development, until Ctrl-C. Other tools find them by `.millrace/dev.json`. */
const root = join(import.meta.dirname, '..', '..');
const { values: { home } } = takeArguments(process, {
  usage: 'npm run stack [-- --home <folder>]\n\nStarts Kafka and a schema registry for development, until Ctrl-C.\n\n  --home <folder>   for topics, logs and dev.json (default .millrace)',
  options: { home: { type: 'string' } },
}) ?? process.exit();
const say = (line: string): void => { process.stdout.write(`${line}\n`); };
const stop = listenForStop(process, systemClock);

try {
  const { cacheDir } = readConfig({ ...connectionKeys, ...developmentKeys }, process.env, knownNames);
  const starting = startDevStack({
    host: process,
    cacheDir: resolve(root, cacheDir),
    homeDir: home === undefined ? join(root, '.millrace') : resolve(home),
    startedBy: 'stack',
    report: say,
  });
  const stack = await Promise.race([starting, stop.asked]);
  // What has been started by now ends with this process: its guards see to that.
  if (stack === undefined) process.exit(130);
  void stop.insisted.then(() => process.exit(130));
  for (const logFile of stack.logFiles) say(`log: ${logFile}`);
  say('Ctrl-C stops it');
  // Where all was given, nothing else would keep this process.
  const stay = setInterval(() => undefined, 60_000);
  const died = await Promise.race([stop.asked, stack.died]);
  if (died !== undefined) process.exitCode = 1;
  say(`${died === undefined ? 'asked to stop' : `${died} ended by itself; see its log`}: stopping`);
  await stack.stop();
  clearInterval(stay);
} catch (error) {
  if (!isMillraceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
