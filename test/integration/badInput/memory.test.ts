import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { buriedRecords } from './buriedRecords.ts';
import { createValueKit } from './sink.ts';
import { createStage, type Appended, type RawRecord, type Stage } from './stage.ts';

const MB = 1024 * 1024;
const WARM_ROUNDS = 2;
const ROUNDS = 6;
/** How often each bad record comes in a round. */
const COPIES = 12;

interface Memory { readonly rss: number; readonly heapUsed: number; readonly external: number }

function startChild(stage: Stage): { measure(): Promise<Memory>; stop(): Promise<number | null> } {
  const parameters = JSON.stringify({ brokers: inject('brokers').split(','), registryUrl: inject('registryUrl'), queue: stage.queue });
  const main = fileURLToPath(new URL('childWorker/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', main, parameters], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const ended = new Promise<number | null>((resolve) => { child.on('exit', resolve); });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async measure() {
      child.stdin.write('measure\n');
      const line = await Promise.race([lines.next(), ended.then((code) => { throw new Error(`the worker died with ${code}`); })]);
      return JSON.parse(String(line.value)) as Memory;
    },
    stop() {
      child.stdin.write('stop\n');
      return ended;
    },
  };
}

test('the memory of a worker does not grow by more than 64 MB of bad records and handlers, and its process ends cleanly after thousands of them', async () => {
  const stage = await createStage('memory');
  const kit = await createValueKit(stage.registry);
  // What records do, and what handlers do.
  const handled = ['fails', 'answers'].map((kind) => ({ key: kind, value: kit.job(1), headers: { ce_type: kind } }));
  const bad = [...buriedRecords.map(({ make }) => make(kit)), ...handled];
  const child = startChild(stage);
  const round = async (number: number): Promise<void> => {
    for (let copy = 0; copy < COPIES; copy++) {
      const records = bad.map((record): RawRecord => (record.key === null ? record : { ...record, key: `${number}-${copy}` }));
      // A megabyte of nothing that travels as a kilobyte.
      const packed: RawRecord = { key: 'packed', value: Buffer.alloc(1_000_000), headers: { ce_type: 'work.do', ce_id: `${number}-${copy}` } };
      const isolated: RawRecord[] = copy === 0 ? [{ key: 'exits', value: kit.job(1, 'exit'), headers: { ce_type: 'exits' } }] : [];
      const at = await stage.append([...isolated, ...records, packed], { gzip: true });
      if (copy === COPIES - 1) await stage.committedPast(at.at(-1) as Appended);
    }
  };
  for (let n = 0; n < WARM_ROUNDS; n++) await round(n);
  const before = await child.measure();
  for (let n = 0; n < ROUNDS; n++) await round(WARM_ROUNDS + n);
  const after = await child.measure();
  const grown = (name: keyof Memory): string => `${name} ${(before[name] / MB).toFixed(1)} to ${(after[name] / MB).toFixed(1)} MB`;
  const story = `${grown('rss')}, ${grown('heapUsed')}, ${grown('external')} after ${ROUNDS * COPIES * (bad.length + 1)} bad records`;
  expect(after.rss - before.rss, story).toBeLessThanOrEqual(64 * MB);
  expect(after.heapUsed + after.external - before.heapUsed - before.external, story).toBeLessThanOrEqual(24 * MB);
  expect(stage.letters.length).toBe((WARM_ROUNDS + ROUNDS) * (COPIES * (bad.length + 1) + 1));
  expect(await child.stop(), 'exit code').toBe(0);
  await stage.close();
});
