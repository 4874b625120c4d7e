import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchOf } from '../../../shared/bodies/spillBatch.ts';
import { createSpillFile, type SpillFileOptions } from '../../../shared/bodies/spillFile.ts';
import type { SpilledBody, SpillStore } from '../../../shared/bodies/spillStore.ts';

let folder: string;
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'millrace-spill-test-')); });
afterAll(async () => { await rm(folder, { recursive: true }); });

const open = (options: Partial<SpillFileOptions> = {}): Promise<SpillStore> => createSpillFile({ folder, maxBytes: 1e9, ...options })();
const put = async (store: SpillStore, bodies: readonly string[]): Promise<SpilledBody[]> => (await store.write(batchOf(bodies))).map((place, index) => ({ place, length: (bodies[index] as string).length }));
const body = (index: number, length = 100): string => String.fromCharCode(index % 256).repeat(length);

describe('the spill file', () => {
  it('gives each body back, in the order of the question, across segments', async () => {
    const store = await open({ segmentBytes: 1000 });
    const bodies = Array.from({ length: 100 }, (_, index) => body(index, 1 + (index * 37) % 400));
    const places: SpilledBody[] = [];
    for (let at = 0; at < 100; at += 5) places.push(...await put(store, bodies.slice(at, at + 5)));
    const order = Array.from({ length: 100 }, (_, index) => (index * 61) % 100);
    expect(await store.read(order.map((index) => places[index] as SpilledBody))).toEqual(order.map((index) => bodies[index]));
    await store.close();
  });

  it('leaves no file behind, even while it is open, so that a killed process leaves none', async () => {
    const store = await open();
    await put(store, [body(1)]);
    expect(await readdir(folder)).toEqual([]);
    await store.close();
  });

  it('takes away what a crash left, and reads none of it', async () => {
    await writeFile(join(folder, 'millrace-spill-0123456789abcdef'), 'leftovers');
    await writeFile(join(folder, 'somebody-elses'), 'theirs');
    const store = await open();
    const places = await put(store, [body(7)]);
    expect(await readdir(folder)).toEqual(['somebody-elses']);
    expect(await store.read(places)).toEqual([body(7)]);
    await store.close();
    await rm(join(folder, 'somebody-elses'));
  });

  it('gives the disk back what nobody wants any more', async () => {
    const store = await open({ segmentBytes: 1000 });
    const places = await put(store, [body(1, 400), body(2, 400)]);
    const later = await put(store, [body(3, 900)]);
    const full = store.bytes;
    for (const place of places) store.free(place);
    expect(store.bytes).toBeLessThan(full - 800);
    expect(await store.read([...places, ...later])).toEqual([null, null, body(3, 900)]);
    await store.close();
  });

  it('refuses what is beyond its bound, stores nothing of it, and takes more when there is room', async () => {
    const store = await open({ segmentBytes: 1000, maxBytes: 2000 });
    const first = await put(store, [body(1, 900)]);
    const second = await put(store, [body(2, 900)]);
    await expect(store.write(batchOf([body(3, 300)]))).rejects.toMatchObject({ code: 'SPILL_FULL' });
    expect(await store.read([...first, ...second])).toEqual([body(1, 900), body(2, 900)]);
    for (const place of first) store.free(place);
    expect(await store.read(await put(store, [body(3, 300)]))).toEqual([body(3, 300)]);
    await store.close();
  });

  it('says of a place that holds something else that nothing is there', async () => {
    const store = await open();
    const [place] = await put(store, [body(1), body(2)]);
    expect(await store.read([{ place: (place as SpilledBody).place + 1, length: 100 }, { place: 5e14, length: 10 }, place as SpilledBody])).toEqual([null, null, body(1)]);
    await store.close();
  });

  it('cannot be opened where there is no folder to be made', async () => {
    await writeFile(join(folder, 'a-file'), '');
    await expect(createSpillFile({ folder: join(folder, 'a-file', 'x'), maxBytes: 1 })()).rejects.toMatchObject({ code: 'ENOTDIR' });
    await rm(join(folder, 'a-file'));
  });
});
