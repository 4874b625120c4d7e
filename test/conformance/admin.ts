import { expect } from 'vitest';
import type { Scenario } from './broker.ts';

export function describeAdmin(scenario: Scenario): void {
  scenario('describes topics with their partitions and configuration, and answers null for one that is missing', async ({ admin, stage, topic }) => {
    const name = await topic(3, { 'cleanup.policy': 'compact', 'max.message.bytes': '54321' });
    const [found, missing] = await stage.wait(admin().describeTopics([name, stage.uniqueName('missing')]));
    expect(found).toMatchObject({ name, partitions: 3, replicationFactor: 1, config: { 'cleanup.policy': 'compact', 'max.message.bytes': '54321' } });
    expect(missing).toBeNull();
  });

  scenario('leaves a topic that exists as it is when it is created again, and creates the others', async ({ admin, fill, stage, topic }) => {
    const name = await topic(2, { 'retention.ms': '1000000' });
    await fill(name, 1, ['kept']);
    const other = stage.uniqueName('topic');
    await stage.wait(admin().createTopics([{ name, partitions: 4, replicationFactor: 1, config: {} }, { name: other, partitions: 1, replicationFactor: 1, config: {} }]));
    const [old, made] = await stage.wait(admin().describeTopics([name, other]));
    expect(old).toMatchObject({ partitions: 2, config: { 'retention.ms': '1000000' } });
    expect(made).toMatchObject({ partitions: 1 });
    expect((await stage.wait(admin().logBounds(name)))[1]).toEqual({ partition: 1, startOffset: 0, endOffset: 1 });
  });

  scenario('deletes topics, and does not mind one that is missing', async ({ admin, codeOf, stage, topic }) => {
    const name = await topic(1);
    await stage.wait(admin().deleteTopics([name, stage.uniqueName('missing')]));
    expect(await stage.wait(admin().describeTopics([name]))).toEqual([null]);
    expect(await codeOf(admin().logBounds(name))).toBe('TOPIC_MISSING');
  });

  scenario('tells where the log of each partition starts and ends', async ({ admin, fill, stage, topic }) => {
    const name = await topic(3);
    await fill(name, 1, ['a', 'b', 'c']);
    await stage.wait(stage.deleteRecords(name, 1, 2));
    expect(await stage.wait(admin().logBounds(name))).toEqual([
      { partition: 0, startOffset: 0, endOffset: 0 },
      { partition: 1, startOffset: 2, endOffset: 3 },
      { partition: 2, startOffset: 0, endOffset: 0 },
    ]);
  });

  scenario('tells what a group committed in each partition, and null where it committed nothing', async ({ admin, commit, joined, stage, topic }) => {
    const name = await topic(2);
    const member = await joined({ group: stage.uniqueName('group'), topics: [name] });
    await commit(member, [{ partition: 1, positions: [{ topic: name, offset: 5, metadata: 'note' }] }]);
    expect(await stage.wait(admin().committed(member.group, name))).toEqual([
      { partition: 0, position: null },
      { partition: 1, position: { topic: name, offset: 5, metadata: 'note' } },
    ]);
    expect(await stage.wait(admin().committed(stage.uniqueName('nobody'), name))).toEqual([{ partition: 0, position: null }, { partition: 1, position: null }]);
  });

  scenario('lists the topics that there are', async ({ admin, stage, topic }) => {
    const names = [await topic(1), await topic(2)];
    const listed = await stage.wait(admin().listTopics());
    expect(listed).toEqual(expect.arrayContaining(names));
    expect(listed).toEqual(listed.toSorted());
    expect(listed).not.toContain(stage.uniqueName('missing'));
  });

  scenario('tells who is in a group, and nobody of one that is not there', async ({ admin, joined, stage, topic }) => {
    const name = await topic(2);
    const { group } = await joined({ group: stage.uniqueName('group'), topics: [name], kinds: ['mail.send'] });
    expect(await stage.wait(admin().groupMembers(group))).toEqual([{ clientId: expect.any(String) as string, partitions: [0, 1], kinds: ['mail.send'] }]);
    expect(await stage.wait(admin().groupMembers(stage.uniqueName('nobody')))).toEqual([]);
  });

  scenario('finds the first record that is not older than a time, and null where all are', async ({ admin, fill, stage, topic }) => {
    const name = await topic(2);
    await fill(name, 1, ['a', 'b']);
    expect(await stage.wait(admin().offsetsAt(name, 0))).toEqual([{ partition: 0, offset: null }, { partition: 1, offset: 0 }]);
    expect(await stage.wait(admin().offsetsAt(name, 4e12))).toEqual([{ partition: 0, offset: null }, { partition: 1, offset: null }]);
  });

  scenario('sets what a group has committed while nobody is in it, and refuses while somebody is', async ({ admin, codeOf, joined, stage, topic }) => {
    const name = await topic(2);
    const group = stage.uniqueName('group');
    const commits = [{ partition: 1, positions: [{ topic: name, offset: 3, metadata: 'by hand' }] }];
    await stage.wait(admin().setCommitted(group, commits));
    expect(await stage.wait(admin().committed(group, name))).toEqual([{ partition: 0, position: null }, { partition: 1, position: { topic: name, offset: 3, metadata: 'by hand' } }]);
    await joined({ group, topics: [name] });
    expect(await codeOf(admin().setCommitted(group, commits))).toBe('GROUP_IN_USE');
  });

  scenario('changes the settings that it is told and leaves the others, and adds partitions without touching what is there', async ({ admin, fill, stage, topic }) => {
    const name = await topic(2, { 'retention.ms': '1000000', 'max.message.bytes': '54321' });
    await fill(name, 1, ['kept']);
    await stage.wait(admin().alterTopics([{ name, config: { 'retention.ms': '2000000' }, partitions: 4 }]));
    // Each broker hears of it in its own time.
    const look = async () => (await stage.wait(admin().describeTopics([name])))[0];
    let found = await look();
    while (found?.partitions !== 4) found = await look();
    expect(found).toMatchObject({ partitions: 4, config: { 'retention.ms': '2000000', 'max.message.bytes': '54321' } });
    expect((await stage.wait(admin().logBounds(name)))[1]).toEqual({ partition: 1, startOffset: 0, endOffset: 1 });
  });

  scenario('tells the brokers of the cluster', async ({ admin, stage }) => {
    const { brokers, controller } = await stage.wait(admin().describeCluster());
    expect(brokers.map(({ id }) => id)).toContain(controller);
    expect(brokers[0]?.address).toMatch(/^[^:]+:\d+$/);
    expect(await stage.wait(admin().protocolGaps())).toEqual(brokers.map((broker) => ({ broker, gaps: [] })));
  });
}
