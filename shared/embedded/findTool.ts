import { execFile } from 'node:child_process';
import { access, constants, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { HostProcess } from './hostProcess.ts';

/** A Java runtime: the path of its `java`, its major version, and the text by which it can be told from others. */
export interface Java {
  readonly path: string;
  readonly major: number;
  readonly fullVersion: string;
}

/** Path of an executable on `PATH`, or undefined. */
export async function findTool(env: HostProcess['env'], name: string): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (folder !== '' && await isExecutable(path)) return path;
  }
  return undefined;
}

/** The Java of `JAVA_HOME`, else the one on `PATH`; undefined where neither starts. Asks it for its version (about 50 ms). */
export async function findJava(env: HostProcess['env']): Promise<Java | undefined> {
  const home = env['JAVA_HOME'];
  const ofHome = home === undefined || home === '' ? undefined : join(home, 'bin', 'java');
  const found = ofHome !== undefined && await isExecutable(ofHome) ? ofHome : await findTool(env, 'java');
  if (found === undefined) return undefined;
  const path = await realpath(found);
  const fullVersion = await new Promise<string>((resolve) => {
    execFile(path, ['-version'], { env, timeout: 20_000 }, (error, stdout, stderr) => { resolve(error === null ? stderr + stdout : ''); });
  });
  const major = parseJavaMajor(fullVersion);
  return major === undefined ? undefined : { path, major, fullVersion };
}

/** Major version from what `java -version` prints (`"17.0.15"` is 17, `"1.8.0_402"` is 8); undefined if it says none. */
export function parseJavaMajor(printed: string): number | undefined {
  const version = /version "(?:1\.)?(\d+)/.exec(printed)?.[1];
  return version === undefined ? undefined : Number(version);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
