import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createRegistry } from '../../../shared/avro/registry.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { framed } from '../../unit/avro/avroBytes.ts';
import { createFaultyRegistry, type FaultyRegistry, type RegistryFault } from './faultyRegistry.ts';
import { createValueKit, type ValueKit } from './sink.ts';
import { createStage, until, type Appended, type RawRecord, type Stage } from './stage.ts';

const [NAMED, UNNAMED] = [0, 1] as const;
let stage: Stage;
let kit: ValueKit;
let faulty: FaultyRegistry;

beforeAll(async () => {
  faulty = await createFaultyRegistry(inject('registryUrl'));
  stage = await createStage('outage', { partitions: 2 });
  kit = await createValueKit(stage.registry);
  const jobs = ['work.do', 'bench.Job'].map((kind) => defineJob({ kind, queue: stage.queue, schema: jobV1, key: () => 'unused', handle: (payload, ctx) => { stage.note(payload, ctx); } }));
  await stage.startWorker(jobs, { registry: createRegistry({ url: faulty.url, timeoutMs: 300 }) });
});
afterAll(async () => {
  await stage.close();
  await faulty.close();
});

let numbers = 0;
/** The same shape under an id that this worker has never seen. */
async function unseenId(): Promise<number> {
  const doc = `${stage.queue} ${++numbers}`;
  return stage.registry.register(`bad.unseen.${stage.queue}.${numbers}`, { ...(jobV1.versions[0] as { readonly type: string }), doc });
}

describe('nothing is buried, others go on, and it heals by itself, when new schemas come while the registry', () => {
  const faults: readonly RegistryFault[] = ['hangs', 'refuses', 'answers 500', 'answers 503 as HTML', 'answers 404 of a proxy', 'answers nonsense', 'asks for a password'];
  test.each(faults)('%s', async (fault) => {
    const tag = `${faults.indexOf(fault)}`;
    const [id, other] = [await unseenId(), await unseenId()];
    const known = (name: string, key: string): RawRecord => ({ key, value: kit.job(1), headers: { ce_id: `${tag}-${name}`, ce_type: 'work.do' } });
    const fresh = (name: string, key: string): RawRecord => ({ ...known(name, key), value: framed(id, kit.job(2).subarray(5)) });
    faulty.fault = fault;
    const [metBefore, seenBefore] = [faulty.faulted, stage.seen.length];
    const at = await stage.append([known('before', 'a'), fresh('new', 'e'), known('behind', 'e'), known('beside', 'b')], { partition: NAMED });
    // A record that does not name its kind has it from its schema: until that is known, its partition pauses.
    const paused = await stage.append([known('above', 'a'), { key: 'e', value: framed(other, kit.job(3).subarray(5)) }, known('below', 'b')], { partition: UNNAMED });
    await stage.ran([`${tag}-before`, `${tag}-beside`, `${tag}-above`]);
    await until(() => faulty.faulted >= metBefore + 4, 'some more requests');
    await until(() => stage.seen.slice(seenBefore).filter((line) => line === 'schema unavailable').length >= 4, 'the observer to be told');
    const ids = stage.runs.map((run) => run.id).filter((one) => one.startsWith(`${tag}-`)).sort();
    expect(ids).toEqual([`${tag}-above`, `${tag}-before`, `${tag}-beside`]);
    expect(stage.letters).toEqual([]);
    expect(await stage.committedOffset(NAMED)).toBeLessThanOrEqual(at[1]?.offset ?? 0);
    expect(await stage.committedOffset(UNNAMED)).toBeLessThanOrEqual(paused[1]?.offset ?? 0);

    faulty.fault = 'none';
    await stage.ran([`${tag}-new`, `${tag}-behind`, `${stage.queue}-${UNNAMED}-${paused[1]?.offset ?? 0}`, `${tag}-below`]);
    const order = stage.runs.map((run) => run.id);
    expect(order.indexOf(`${tag}-behind`)).toBeGreaterThan(order.indexOf(`${tag}-new`));
    expect(new Set(order).size).toBe(order.length);
    await stage.committedPast(at.at(-1) as Appended);
    await stage.committedPast(paused.at(-1) as Appended);
    expect(stage.letters).toEqual([]);
  });
});
