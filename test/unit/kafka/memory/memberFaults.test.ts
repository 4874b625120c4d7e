import { describe, expect, it } from 'vitest';
import { hold, loseAck, refuse, stall, times, when } from '../../../../shared/testing/index.ts';
import { createRig, record } from './rig.ts';

const commit = (offset: number, partition = 0) => [{ partition, positions: [{ topic: 't', offset, metadata: '' }] }];

describe('faults in consuming', () => {
  it('stall the fetches of one partition until they are removed, and health can see it', async () => {
    const rig = createRig(2);
    const { consumer, records } = rig.member('c');
    await rig.run(consumer.start());
    const heal = rig.faults.onFetch(when({ partition: 0 }, stall()));
    rig.inspect.append('t', 0, [record('stalled')]);
    rig.inspect.append('t', 1, [record('free')]);
    await rig.clock.advance(30_000);
    expect(records.map(({ value }) => String(value))).toEqual(['free']);
    const { coordinatorMs, fetchMs } = consumer.lastSeen();
    expect([rig.clock.now() - coordinatorMs, rig.clock.now() - fetchMs > 29_000]).toEqual([0, true]);
    heal();
    await rig.clock.advance(10);
    expect(records).toHaveLength(2);
    expect(rig.clock.now() - consumer.lastSeen().fetchMs).toBe(0);
  });

  it('hold a fetch back for a time', async () => {
    const rig = createRig();
    const { consumer, diary } = rig.member('c');
    rig.inspect.append('t', 0, [record('a')]);
    rig.faults.onFetch(times(1, when({}, hold(500))));
    await rig.run(consumer.start());
    await rig.clock.advance(1_000);
    expect(diary.at(-1)).toMatch(/^50\d fetched 0: a$/);
  });

  it('refuse a commit, store one whose answer is lost, and stall one with those behind it', async () => {
    const rig = createRig();
    const { consumer } = rig.member('c');
    await rig.run(consumer.start());
    rig.faults.onCommit(times(1, when({ group: 'g' }, refuse('BROKER_REBALANCING'))));
    expect(await rig.outcome(consumer.commit(commit(1)))).toBe('BROKER_REBALANCING');
    expect(rig.inspect.committed('g', 't', 0)).toBeNull();
    rig.faults.onCommit(times(1, when({}, loseAck())));
    expect(await rig.outcome(consumer.commit(commit(2)))).toBe('BROKER_UNAVAILABLE');
    expect(rig.inspect.committed('g', 't', 0)?.offset).toBe(2);
    const heal = rig.faults.onCommit(when({}, stall()));
    const stalled = [consumer.commit(commit(3)), consumer.commit(commit(4))];
    await rig.clock.advance(60_000);
    expect(rig.inspect.committed('g', 't', 0)?.offset).toBe(2);
    heal();
    await rig.run(Promise.all(stalled));
    expect(rig.inspect.committed('g', 't', 0)?.offset).toBe(4);
  });

  it('refuse a commit that a rebalance overtook, for now when the partition stayed, for good when it did not', async () => {
    const rig = createRig(2);
    const first = rig.member('a');
    await rig.run(first.consumer.start());
    const heal = rig.faults.onCommit(when({ clientId: 'a' }, stall()));
    const stays = rig.outcome(first.consumer.commit(commit(5, 0)));
    const goes = rig.outcome(first.consumer.commit(commit(5, 1)));
    await rig.run(rig.member('b').consumer.start());
    await rig.clock.advance(1_000);
    heal();
    expect([await stays, await goes]).toEqual(['BROKER_REBALANCING', 'BROKER_FENCED']);
    expect(rig.inspect.group('g').members.map(({ partitions }) => partitions)).toEqual([[0], [1]]);
  });
});

describe('a killed process', () => {
  it('is never called again, its calls never settle, but what it had put on the wire lands', async () => {
    const rig = createRig();
    const { broker, producer } = await rig.process('w');
    const { consumer, diary } = rig.member('w', broker);
    await rig.run(consumer.start());
    const onTheWire = rig.outcome(producer.send('t', 0, [record('on the wire')]));
    rig.faults.kill(broker);
    const told = diary.length;
    const after = rig.outcome(producer.send('t', 0, [record('after death')]));
    const committing = rig.outcome(consumer.commit(commit(1)));
    expect(await Promise.all([onTheWire, after, committing])).toEqual(['pending', 'pending', 'pending']);
    expect(rig.texts('t')).toEqual(['on the wire']);
    expect(diary).toHaveLength(told);
  });

  it('keeps its partitions, and the whole group from rebalancing, until its session has run out', async () => {
    const rig = createRig(2);
    const { broker } = await rig.process('dead');
    await rig.run(rig.member('dead', broker).consumer.start());
    rig.faults.kill(broker);
    const diedMs = rig.clock.monotonic();
    const heir = rig.member('heir');
    const started = heir.consumer.start();
    await rig.clock.advance(9_900);
    expect(heir.diary).toEqual([]);
    await rig.run(started);
    expect(heir.diary[0]).toMatch(/assigned 0,1$/);
    expect(Number.parseInt(heir.diary[0] ?? '') - diedMs).toBeGreaterThanOrEqual(10_000);
  });
});

describe('a frozen process', () => {
  it('goes on where it stood when it thaws within its session: nothing lost, nothing told', async () => {
    const rig = createRig();
    const { broker, producer } = await rig.process('w');
    const { consumer, diary } = rig.member('w', broker);
    await rig.run(consumer.start());
    rig.faults.freeze(broker);
    const sent = rig.run(producer.send('t', 0, [record('from the ice')]));
    rig.inspect.append('t', 0, [record('meanwhile')]);
    await rig.clock.advance(9_000);
    expect([rig.texts('t'), diary.length]).toEqual([['meanwhile'], 1]);
    rig.faults.thaw(broker);
    await sent;
    await rig.clock.advance(20_000);
    expect(rig.texts('t')).toEqual(['meanwhile', 'from the ice']);
    expect(diary.map((line) => line.replace(/^\d+ /, ''))).toEqual(['assigned 0', 'fetched 0: meanwhile', 'fetched 0: from the ice']);
  });

  it('wakes as a zombie after its session: its writes land, its commits are refused, and it is told what it lost', async () => {
    const rig = createRig();
    const { broker, producer } = await rig.process('zombie');
    const zombie = rig.member('zombie', broker);
    await rig.run(zombie.consumer.start());
    rig.faults.freeze(broker);
    const heir = rig.member('heir');
    await rig.run(heir.consumer.start());
    expect(heir.diary).toHaveLength(1);
    rig.faults.thaw(broker);
    const writes = rig.outcome(producer.send('t', 0, [record('zombie')]));
    const commits = rig.outcome(zombie.consumer.commit(commit(66)));
    expect([await writes, await commits]).toEqual(['resolved', 'BROKER_FENCED']);
    expect(rig.texts('t')).toEqual(['zombie']);
    expect(zombie.diary.map((line) => line.replace(/^\d+ /, ''))).toEqual(['assigned 0', 'lost 0']);
    expect(rig.inspect.group('g').members.map(({ clientId, partitions }) => [clientId, partitions])).toEqual([['heir', [0]], ['zombie', []]]);
  });
});

describe('a disconnected process', () => {
  it('runs on: its calls fail, after a session without an answer it gives its partitions up, and it joins again when the network is back', async () => {
    const rig = createRig();
    const { broker, producer } = await rig.process('w');
    const cut = rig.member('w', broker);
    await rig.run(cut.consumer.start());
    rig.faults.disconnect(broker);
    const sending = rig.outcome(producer.send('t', 0, [record('a')]));
    expect(await rig.outcome(cut.consumer.commit(commit(1)))).toBe('BROKER_UNAVAILABLE');
    expect(await sending).toBe('BROKER_UNAVAILABLE');
    expect(await rig.outcome(cut.consumer.commit(commit(1)))).toBe('BROKER_FENCED');
    expect(rig.inspect.group('g').members).toEqual([]);
    expect(rig.clock.now() - cut.consumer.lastSeen().coordinatorMs).toBeGreaterThan(100_000);
    expect(cut.diary.map((line) => line.replace(/^\d+ /, ''))).toEqual(['assigned 0', 'lost 0']);
    rig.faults.reconnect(broker);
    await rig.clock.advance(100);
    expect(cut.diary.map((line) => line.replace(/^\d+ /, ''))).toEqual(['assigned 0', 'lost 0', 'assigned 0']);
    expect(await rig.outcome(producer.send('t', 0, [record('b')]))).toBe('resolved');
  });

  it('has what it sent before the cut appended, and is told BROKER_UNAVAILABLE all the same', async () => {
    const rig = createRig();
    const { broker, producer } = await rig.process('w');
    const sent = rig.outcome(producer.send('t', 0, [record('a')]));
    rig.faults.disconnect(broker);
    expect(await sent).toBe('BROKER_UNAVAILABLE');
    expect(rig.texts('t')).toEqual(['a']);
  });
});

describe('an expelled member', () => {
  it('is told by its next heartbeat, and until then its commits are refused', async () => {
    const rig = createRig();
    const { consumer, diary } = rig.member('c');
    await rig.run(consumer.start());
    rig.faults.expel('c');
    expect(diary).toHaveLength(1);
    expect(await rig.outcome(consumer.commit(commit(1)))).toBe('BROKER_FENCED');
    expect(diary.map((line) => line.replace(/^\d+ /, ''))).toEqual(['assigned 0', 'lost 0', 'assigned 0']);
  });
});
