#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { runCli } from './runCli.ts';

/** `millrace <command>`: see docs/cli.md. From the repository: `npm run -s millrace -- <command>`. */
const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');
// Of what is built, the package's root is one folder further up.
const { version } = JSON.parse(await read('../../package.json').catch(() => read('../../../package.json'))) as { readonly version: string };

process.exitCode = await runCli({
  env: process.env,
  pid: process.pid,
  kill: (pid, signal) => process.kill(pid, signal),
  cwd: process.cwd(),
  nodeVersion: process.version,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onInterrupt(listener) {
    process.once('SIGINT', listener);
    return () => { process.off('SIGINT', listener); };
  },
}, process.argv.slice(2), version);
