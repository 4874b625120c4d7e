import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchOnce } from '../../../shared/embedded/fetchOnce.ts';
import { freePorts } from '../../../shared/embedded/freePorts.ts';
import { findJava } from '../../../shared/embedded/findTool.ts';
import { copyAlone } from '../../../shared/embedded/maven.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';

/** A server of the S3 API, kept by others: Adobe's S3Mock, on Java 17. */
const VERSION = '4.9.1';
const ARTIFACT = { group: 'com.adobe.testing', name: 's3mock', version: VERSION, classifier: 'exec' };
const START_WITHIN_MS = 90_000;

export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  stop(): Promise<void>;
}

export async function startS3Mock(cacheDir: string): Promise<S3Server> {
  const folder = join(cacheDir, `s3mock-${VERSION}`);
  await fetchOnce(process, systemClock, folder, (draft) => copyAlone(process, ARTIFACT, draft, () => undefined));
  const jar = (await readdir(folder)).find((file) => file.endsWith('.jar'));
  const java = await findJava(process.env);
  if (jar === undefined || java === undefined) throw new Error(`no ${jar === undefined ? 'jar' : 'Java'} for S3Mock`);
  const data = await mkdtemp(join(tmpdir(), 'millrace-s3-'));
  const [port] = await freePorts([0]);
  const child = spawn(java.path, [
    '-Xmx256m', '-XX:TieredStopAtLevel=1', '-jar', join(folder, jar), '--server.port=0', `--com.adobe.testing.s3mock.http-port=${port}`, '--server.address=127.0.0.1',
    `--com.adobe.testing.s3mock.store.root=${data}`, '--com.adobe.testing.s3mock.store.initial-buckets=claims',
  ], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-4000); });
  const ended = new Promise<void>((resolve) => { child.once('close', () => { resolve(); }); });
  const endpoint = `http://127.0.0.1:${port}`;
  const deadlineMs = performance.now() + START_WITHIN_MS;
  while (!await fetch(`${endpoint}/claims?list-type=2`).then((answer) => answer.ok, () => false)) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      child.kill('SIGKILL');
      throw new Error(`S3Mock did not start: ${said}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  return {
    endpoint, bucket: 'claims',
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}
