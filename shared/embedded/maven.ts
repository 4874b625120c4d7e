import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MillraceError } from '../errors/MillraceError.ts';
import { findTool } from './findTool.ts';
import type { HostProcess, Report } from './hostProcess.ts';

/** An artifact of a Maven repository. `type` is `jar` and `classifier` none where left out. */
export interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
  readonly type?: string;
  readonly classifier?: string;
}

/** Versions 3.1 to 3.8 of this plugin refuse an artifact whose parent pom is not in the repository, as the registry's is not. */
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.9.0';
const TELL_EVERY_BYTES = 20e6;

/**
 * Copies artifacts and everything that they need at run time into `folder`, with the machine's own `mvn`, so that its
 * settings (mirrors, proxies, local repository) hold.
 *
 * @throws MillraceError EMBEDDED_START_FAILED when there is no `mvn` or it fails; the last lines that it printed are in the message.
 */
export async function copyWithDependencies(host: HostProcess, artifacts: readonly Artifact[], folder: string, report: Report): Promise<void> {
  await inProject(host, pomOf(artifacts), [`${PLUGIN}:copy-dependencies`, '-DincludeScope=runtime', `-DoutputDirectory=${folder}`], report);
}

/** Copies one artifact alone into `folder`; otherwise as {@link copyWithDependencies}. */
export async function copyAlone(host: HostProcess, artifact: Artifact, folder: string, report: Report): Promise<void> {
  const { group, name, version, type = 'jar', classifier } = artifact;
  const coordinates = [group, name, version, type, ...(classifier === undefined ? [] : [classifier])].join(':');
  await inProject(host, pomOf([]), [`${PLUGIN}:copy`, `-Dartifact=${coordinates}`, `-DoutputDirectory=${folder}`], report);
}

/** A project that does nothing but depend on the artifacts. */
export function pomOf(artifacts: readonly Artifact[]): string {
  const dependency = ({ group, name, version }: Artifact): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>millrace</groupId><artifactId>embedded</artifactId><version>1</version><packaging>pom</packaging>',
    `<dependencies>${artifacts.map(dependency).join('')}</dependencies></project>`,
  ].join('\n');
}

/** Bytes of one `Downloaded from …: … (5.2 MB at 1.6 MB/s)` line of Maven; 0 for every other line. */
export function downloadedBytes(line: string): number {
  const size = /^\[INFO\] Downloaded from .* \(([\d.]+) (B|kB|MB|GB) at /.exec(line);
  const unit = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[size?.[2] ?? ''] ?? 0;
  return Number(size?.[1] ?? 0) * unit;
}

async function inProject(host: HostProcess, pom: string, args: readonly string[], report: Report): Promise<void> {
  const mvn = await findTool(host.env, 'mvn');
  if (mvn === undefined) throw new MillraceError('EMBEDDED_START_FAILED', { expected: 'Maven (mvn) on PATH', fix: 'Install Maven.' });
  const work = await mkdtemp(join(tmpdir(), 'millrace-mvn-'));
  try {
    await writeFile(join(work, 'pom.xml'), pom);
    await run(mvn, ['-B', ...args], work, host, report);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function run(mvn: string, args: readonly string[], cwd: string, host: HostProcess, report: Report): Promise<void> {
  const child = spawn(mvn, args, { cwd, env: host.env, stdio: ['ignore', 'pipe', 'ignore'] });
  const tail: string[] = [];
  let bytes = 0;
  let told = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 15) tail.shift();
    bytes += downloadedBytes(line);
    if (bytes - told < TELL_EVERY_BYTES) return;
    told = bytes;
    report(`  ${Math.round(bytes / 1e6)} MB so far`);
  });
  const code = await new Promise<number | null>((resolve, reject) => { child.once('error', reject).once('close', resolve); });
  if (code === 0) return;
  throw new MillraceError('EMBEDDED_START_FAILED', {
    at: 'mvn', expected: 'exit code 0', got: code, fix: `It said last:\n${tail.join('\n')}`,
  });
}
