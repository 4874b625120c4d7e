import { join } from 'node:path';
import { readDevFile, removeDevFile, writeDevFile } from '../../shared/embedded/devFile.ts';
import { startStack } from '../../shared/embedded/stack.ts';
import { isMillraceError } from '../../shared/errors/MillraceError.ts';

/** `npm run stack`: Kafka and a schema registry for development, until Ctrl-C. Other tools find them by `.millrace/dev.json`. */
const root = join(import.meta.dirname, '..', '..');
const devFile = join(root, '.millrace', 'dev.json');
const say = (line: string): void => { process.stdout.write(`${line}\n`); };

const running = await readDevFile(process, devFile);
if (running !== undefined) {
  say(`a stack runs already: Kafka on ${running.brokers}, schema registry on ${running.registryUrl ?? '(none)'} (process ${running.pids[0]})`);
  process.exit(1);
}

const askedToStop = new Promise<string>((resolve) => {
  process.once('SIGINT', () => { resolve('asked to stop'); }).once('SIGTERM', () => { resolve('asked to stop'); });
});

try {
  const starting = startStack({
    host: process,
    env: process.env,
    cacheDir: process.env['MILLRACE_CACHE_DIR'] ?? join(root, '.cache'),
    dataDir: join(root, '.millrace', 'data'),
    need: { kafka: true, registry: true },
    report: say,
  });
  const stack = await Promise.race([starting, askedToStop.then(() => undefined)]);
  // What has been started by now ends with this process: its guards see to that.
  if (stack === undefined) process.exit(130);
  try {
    await writeDevFile(devFile, { brokers: stack.brokers, registryUrl: stack.registryUrl, pids: [process.pid, ...stack.pids], startedAt: new Date().toISOString() });
    for (const logFile of stack.logFiles) say(`log: ${logFile}`);
    say('Ctrl-C stops it');
    const why = await Promise.race([askedToStop, stack.died.then((who) => { process.exitCode = 1; return `${who} ended by itself; see its log`; })]);
    say(`${why}: stopping`);
  } finally {
    await stack.stop();
    await removeDevFile(devFile, process.pid);
  }
} catch (error) {
  if (!isMillraceError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
