import { expect } from 'vitest';
import type { Scenario } from './broker.ts';
import { textOf } from './scene.ts';

const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `v${from + at}`);

export function describeFetching(scenario: Scenario): void {
  scenario('starts at the position it is given, and goes on from there without a gap or a repeat', async ({ fill, joined, stage, topic }) => {
    const name = await topic(1);
    await fill(name, 0, texts(0, 50));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name] });
    reader.consumer.resume(name, 0, 17);
    await stage.until(() => reader.records.length >= 33, 'what was there');
    await fill(name, 0, texts(50, 80));
    await stage.until(() => reader.records.length >= 63, 'what came later');
    expect(textOf(reader.records)).toEqual(texts(17, 80));
    expect(reader.records.map(({ offset }) => offset)).toEqual(texts(17, 80).map((text) => Number(text.slice(1))));
  });

  scenario('delivers nothing of a partition that was not resumed', async ({ fill, joined, stage, topic }) => {
    const name = await topic(2);
    await fill(name, 0, ['silent']);
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name] });
    reader.consumer.resume(name, 1, 0);
    for (let round = 1; round <= 3; round += 1) {
      await fill(name, 1, [`heard ${round}`]);
      await stage.until(() => reader.records.length >= round, 'the resumed partition');
    }
    expect(new Set(reader.records.map(({ partition }) => partition))).toEqual(new Set([1]));
  });

  scenario('stops with the pause, even when it is paused from within a delivery, and goes on where it is told', async ({ fill, joined, stage, topic }) => {
    const name = await topic(2);
    await fill(name, 0, texts(0, 30));
    let pausedAt = 0;
    const reader = await joined({
      group: stage.uniqueName('group'), topics: [name], maxBytesPerPartition: 1,
      onFetched: ({ partition, nextOffset }) => {
        if (partition !== 0 || pausedAt > 0 || nextOffset < 5) return;
        pausedAt = nextOffset;
        reader.consumer.pause(name, 0);
      },
    });
    reader.consumer.resume(name, 0, 0);
    await stage.until(() => pausedAt > 0, 'the pause');
    // Offences of the probe would tell of a delivery in the time that these rounds take.
    reader.consumer.resume(name, 1, 0);
    for (let round = 1; round <= 3; round += 1) {
      await fill(name, 0, [`late ${round}`]);
      await fill(name, 1, [`other ${round}`]);
      await stage.until(() => reader.records.filter(({ partition }) => partition === 1).length >= round, 'the other partition');
    }
    expect(reader.records.filter(({ partition }) => partition === 0)).toHaveLength(pausedAt);
    reader.consumer.resume(name, 0, pausedAt);
    await stage.until(() => reader.records.filter(({ partition }) => partition === 0).length >= 33, 'the rest');
    expect(textOf(reader.records.filter(({ partition }) => partition === 0))).toEqual([...texts(0, 30), 'late 1', 'late 2', 'late 3']);
  });

  scenario('delivers nothing of a fetch that was under way when it was paused or sent elsewhere', async ({ fill, joined, stage, topic }) => {
    const name = await topic(3);
    for (const partition of [0, 1]) await fill(name, partition, texts(0, 10));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name] });
    reader.consumer.resume(name, 2, 0);
    for (let round = 1; round <= 5; round += 1) {
      reader.consumer.resume(name, 0, 0);
      reader.consumer.pause(name, 0);
      reader.consumer.resume(name, 1, 0);
      reader.consumer.resume(name, 1, 9);
      await fill(name, 2, [`round ${round}`]);
      await stage.until(() => [1, 2].every((wanted) => reader.records.filter(({ partition }) => partition === wanted).length >= round), 'the other partitions');
    }
    expect(textOf(reader.records.filter(({ partition }) => partition === 0))).toEqual([]);
    expect(textOf(reader.records.filter(({ partition }) => partition === 1))).toEqual(['v9', 'v9', 'v9', 'v9', 'v9']);
  });

  scenario('goes back when it is resumed at an earlier offset', async ({ fill, joined, stage, topic }) => {
    const name = await topic(1);
    await fill(name, 0, texts(0, 10));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name] });
    reader.consumer.resume(name, 0, 0);
    await stage.until(() => reader.records.length >= 10, 'the first reading');
    reader.consumer.resume(name, 0, 4);
    await stage.until(() => reader.records.length >= 16, 'the second reading');
    expect(textOf(reader.records)).toEqual([...texts(0, 10), ...texts(4, 10)]);
  });

  scenario('waits at the end of an empty topic for its first record', async ({ fill, joined, stage, topic }) => {
    const name = await topic(1);
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name], follow: true });
    expect(reader.grants[0]?.log[name]).toEqual({ startOffset: 0, endOffset: 0 });
    const fetchedMs = reader.consumer.lastSeen().fetchMs;
    await fill(name, 0, ['first']);
    await stage.until(() => reader.records.length > 0, 'the first record');
    expect(textOf(reader.records)).toEqual(['first']);
    expect(reader.consumer.lastSeen().fetchMs).toBeGreaterThan(fetchedMs);
  });

  scenario('starts where the log starts when older records were deleted, and the grant says where that is', async ({ fill, joined, stage, topic }) => {
    const name = await topic(1);
    await fill(name, 0, texts(0, 10));
    await stage.wait(stage.deleteRecords(name, 0, 6));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name] });
    expect(reader.grants[0]?.log[name]).toEqual({ startOffset: 6, endOffset: 10 });
    reader.consumer.resume(name, 0, 2);
    await stage.until(() => reader.records.length >= 4, 'what is left');
    expect(textOf(reader.records)).toEqual(texts(6, 10));
  });

  scenario('starts where the log starts when it ends before the position: the topic was made anew', async ({ fill, joined, stage, topic }) => {
    const name = await topic(1);
    await fill(name, 0, texts(0, 3));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name] });
    reader.consumer.resume(name, 0, 1_000);
    await stage.until(() => reader.batches.length > 0 && reader.batches.at(-1)?.nextOffset === 3, 'the start');
    expect(textOf(reader.records)).toEqual(texts(0, 3));
  });

  scenario('moves its position past offsets that hold no record, at the end of the log too', async ({ joined, stage, topic }) => {
    const name = await topic(1);
    await stage.wait(stage.appendWithMarker(name, 0, 'a'));
    await stage.wait(stage.appendWithMarker(name, 0, 'b'));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name], follow: true });
    await stage.until(() => reader.batches.at(-1)?.nextOffset === 4, 'the end of the log');
    expect(reader.records.map(({ offset, value }) => [offset, String(value)])).toEqual([[0, 'a'], [2, 'b']]);
  });

  scenario('keeps a batch within its bytes, yet delivers a record that is larger than that', async ({ producer, joined, stage, topic }) => {
    const name = await topic(1);
    const sender = await producer();
    for (let n = 0; n < 12; n += 1) await stage.wait(sender.send(name, 0, [{ key: null, value: Buffer.alloc(n === 6 ? 40_000 : 4_000, n) }]));
    const reader = await joined({ group: stage.uniqueName('group'), topics: [name], maxBytesPerPartition: 20_000, follow: true });
    await stage.until(() => reader.records.length >= 12, 'all records');
    for (const { records } of reader.batches) expect(records.length === 1 || records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) <= 20_000).toBe(true);
    expect(reader.records.map(({ value }) => value?.length)).toEqual(Array.from({ length: 12 }, (_, n) => (n === 6 ? 40_000 : 4_000)));
  });

  scenario('goes on when the listener throws, and reports it as trouble', async ({ fill, joined, stage, topic }) => {
    const name = await topic(1);
    const reader = await joined({
      group: stage.uniqueName('group'), topics: [name], maxBytesPerPartition: 1, follow: true,
      onFetched: ({ records }) => { if (String(records[0]?.value) === 'v1') (undefined as unknown as { boom(): void }).boom(); },
    });
    for (const text of texts(0, 4)) await fill(name, 0, [text]);
    await stage.until(() => reader.records.length >= 4, 'all records');
    expect(textOf(reader.records)).toEqual(texts(0, 4));
    expect(reader.troubles.filter((error) => error instanceof TypeError || error.cause instanceof TypeError)).toHaveLength(1);
  });
}
