import { describe, expect, it } from 'vitest';
import { delayAck, loseAck, refuse, seededRandom } from '../../../../shared/testing/index.ts';
import { createRig, record } from './rig.ts';

/** A busy hour of three members with faults, as one text. */
async function story(seed: number): Promise<string> {
  const random = seededRandom(seed);
  const rig = createRig(4, { random, gapShare: 0.1, latencyMs: (_step, next) => Math.floor(next() * 8) });
  const { producer } = await rig.process('p');
  rig.faults.onProduce(() => { const dice = random(); return dice < 0.1 ? refuse('BROKER_UNAVAILABLE') : dice < 0.2 ? loseAck(50) : dice < 0.3 ? delayAck(20) : undefined; });
  const members = ['a', 'b', 'c'].map((name) => rig.member(name));
  for (const [at, { consumer }] of members.entries()) {
    rig.clock.after(at * 700, () => { void consumer.start(); });
    rig.clock.after(5_000 + at * 900, () => { void consumer.close(); });
  }
  const outcomes: string[] = [];
  for (let n = 0; n < 500; n += 1) {
    rig.clock.after(n * 11, () => {
      producer.send('t', n % 4, [record(String(n))]).then(({ baseOffset }) => outcomes.push(`${n}@${baseOffset}`), (error: { code: string }) => outcomes.push(`${n} ${error.code}`));
    });
  }
  await rig.clock.runUntilIdle();
  return JSON.stringify([outcomes, members.map(({ diary }) => diary), [0, 1, 2, 3].map((partition) => rig.texts('t', partition)), rig.inspect.group('g')]);
}

describe('the cluster in memory', () => {
  it('tells the same story for the same seed, and another one for another', async () => {
    const first = await story(7);
    expect(await story(7)).toBe(first);
    expect(await story(8)).not.toBe(first);
  });

  it('lets a watcher see appends and commits as they happen, and no refused ones', async () => {
    const rig = createRig();
    const seen: string[] = [];
    const stop = rig.inspect.watch({
      appended: (topic, partition, baseOffset, records) => { seen.push(`${topic}/${partition}/${baseOffset}: ${records.map(({ value }) => String(value)).join()}`); },
      committed: (group, memberId, commits) => { seen.push(`${group} ${memberId}: ${commits.map(({ partition, positions }) => `${partition} to ${positions[0]?.offset}`).join()}`); },
    });
    const { producer } = await rig.process('p');
    const { consumer } = rig.member('c');
    await rig.run(consumer.start());
    await rig.run(producer.send('t', 0, [record('a'), record('b')]));
    const commit = [{ partition: 0, positions: [{ topic: 't', offset: 2, metadata: '' }] }];
    await rig.run(consumer.commit(commit));
    rig.faults.onCommit(() => refuse('BROKER_UNAVAILABLE'));
    await rig.outcome(consumer.commit(commit));
    expect(seen).toEqual(['t/0/0: a,b', 'g c-1: 0 to 2']);
    stop();
    rig.inspect.append('t', 0, [record('c')]);
    expect(seen).toHaveLength(2);
  });

  it('sets no timer of its own while nothing happens, so that a test can run until idle', async () => {
    const rig = createRig(3);
    const { consumer } = rig.member('c');
    await rig.run(consumer.start());
    await rig.clock.runUntilIdle();
    expect(rig.clock.pendingTimers()).toBe(0);
  });

  it('settles nothing and calls nobody within a call', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    const { consumer, diary } = rig.member('c');
    void consumer.start();
    let settled = false;
    void producer.send('t', 0, [record('a')]).then(() => { settled = true; });
    await Promise.resolve();
    expect([diary, settled, rig.texts('t')]).toEqual([[], false, []]);
    await rig.clock.runUntilIdle();
    const told = diary.length;
    void consumer.close();
    expect([settled, diary.length]).toEqual([true, told]);
    await rig.clock.runUntilIdle();
    expect(diary).toHaveLength(told + 1);
  });

  it('hands out fresh bytes: a handler that scribbles on a payload changes nobody else\'s', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    await rig.run(producer.send('t', 0, [{ key: 'key', value: Buffer.from('value'), headers: { h: 'header' } }]));
    const { consumer, records } = rig.member('c');
    await rig.run(consumer.start());
    await rig.clock.advance(10);
    for (const part of [records[0]?.key, records[0]?.value, records[0]?.headers?.['h'] as Buffer]) part?.fill(0);
    const [stored] = rig.inspect.records('t', 0);
    expect([String(stored?.key), String(stored?.value), String(stored?.headers?.['h'] as Buffer)]).toEqual(['key', 'value', 'header']);
  });

  it('works on the real clock too', async () => {
    const { systemClock } = await import('../../../../shared/runtime/clock.ts');
    const { createMemoryCluster } = await import('../../../../shared/testing/index.ts');
    const cluster = createMemoryCluster({ clock: systemClock, random: seededRandom(1) });
    cluster.inspect.createTopic({ name: 't', partitions: 1 });
    const producer = cluster.broker().createProducer({ clientId: 'p' });
    await producer.start();
    expect(await Promise.all([producer.send('t', 0, [record('a')]), producer.send('t', 0, [record('b')])])).toEqual([{ baseOffset: 0 }, { baseOffset: 1 }]);
    await producer.close();
  });

  it('carries 50,000 records there and back in well under ten seconds', async () => {
    const rig = createRig(4);
    const { producer } = await rig.process('p');
    await rig.run(Promise.all(Array.from({ length: 50_000 }, (_, at) => producer.send('t', at % 4, [record('x'.repeat(240), String(at))]))));
    const { consumer, records } = rig.member('c');
    void consumer.start();
    await rig.clock.runUntil(() => records.length === 50_000);
    expect(new Set(records.map(({ key }) => String(key))).size).toBe(50_000);
  });
});
