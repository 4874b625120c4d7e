import { expect } from 'vitest';
import type { Scenario } from './broker.ts';
import { textOf } from './scene.ts';

export function describeMembership(scenario: Scenario): void {
  scenario('gives a lone member every partition before its start returns, with nothing committed', async ({ joined, stage, topic }) => {
    const name = await topic(3);
    const member = await joined({ group: stage.uniqueName('group'), topics: [name] });
    expect([...member.owned].sort()).toEqual([0, 1, 2]);
    expect(member.grants.map(({ committed, log }) => [committed, log])).toEqual(Array(3).fill([{ [name]: null }, { [name]: { startOffset: 0, endOffset: 0 } }]));
  });

  scenario('keeps a partition number of all topics together', async ({ fill, joined, stage, topic }) => {
    const topics = [await topic(4), await topic(4), await topic(4)];
    const group = stage.uniqueName('group');
    const members = [await joined({ group, topics, follow: true }), await joined({ group, topics, follow: true })];
    await stage.until(() => members.every(({ owned }) => owned.size === 2), 'an even spread');
    for (const { grants } of members) for (const grant of grants) expect([Object.keys(grant.committed).sort(), Object.keys(grant.log).sort()]).toEqual([[...topics].sort(), [...topics].sort()]);
    for (const name of topics) for (let partition = 0; partition < 4; partition += 1) await fill(name, partition, [`${name}/${partition}`]);
    await stage.until(() => members.reduce((sum, { records }) => sum + records.length, 0) === 12, 'every record');
    for (const { owned, records } of members) expect(textOf(records).sort()).toEqual(topics.flatMap((name) => [...owned].map((partition) => `${name}/${partition}`)).sort());
  });

  scenario('spreads the partitions evenly over its members, each to exactly one', async ({ joined, stage, topic }) => {
    const name = await topic(7);
    const group = stage.uniqueName('group');
    const members = [await joined({ group, topics: [name] }), await joined({ group, topics: [name] }), await joined({ group, topics: [name] })];
    await stage.until(() => members.reduce((sum, { owned }) => sum + owned.size, 0) === 7 && members.every(({ owned }) => owned.size >= 2), 'an even spread');
    expect(members.flatMap(({ owned }) => [...owned]).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  scenario('refuses to start where a topic is missing, or where partition numbers differ', async ({ codeOf, probe, stage, topic }) => {
    const topics = [await topic(2), await topic(3)];
    const group = stage.uniqueName('group');
    expect(await codeOf(probe({ group, topics }).consumer.start())).toBe('TOPIC_DRIFT');
    expect(await codeOf(probe({ group, topics: [topics[0] as string, stage.uniqueName('missing')] }).consumer.start())).toBe('TOPIC_MISSING');
  });

  scenario('hands everything over at once when a member closes, long before its session would end', async ({ joined, stage, topic }) => {
    const name = await topic(4);
    const group = stage.uniqueName('group');
    const leaver = await joined({ group, topics: [name], sessionTimeoutMs: 60_000 });
    const stayer = await joined({ group, topics: [name], sessionTimeoutMs: 60_000 });
    await stage.until(() => stayer.owned.size === 2, 'an even spread');
    const owned = [...leaver.owned];
    const startedMs = stage.now();
    await stage.wait(leaver.close());
    expect([...leaver.revocations.at(-1) ?? []].sort()).toEqual(owned.sort());
    expect(leaver.losses).toEqual([]);
    await stage.until(() => stayer.owned.size === 4, 'the handover');
    expect(stage.now() - startedMs).toBeLessThan(20_000);
  });

  scenario('gives a member that drains its last nothing more: what another leaves meanwhile goes to those that stay', async ({ joined, stage, topic }) => {
    const name = await topic(6);
    const group = stage.uniqueName('group');
    let drained = (): void => undefined;
    const draining = new Promise<void>((resolve) => { drained = resolve; });
    let isLast = false;
    const members = [await joined({ group, topics: [name], onRevoked: () => (isLast ? draining : Promise.resolve()) }), await joined({ group, topics: [name] })] as const;
    const [going, other] = members;
    await stage.until(() => members.every(({ owned }) => owned.size === 3), 'an even spread');
    const heir = await joined({ group, topics: [name] });
    await stage.until(() => [...members, heir].every(({ owned }) => owned.size === 2), 'the third share');
    isLast = true;
    const gone = going.close();
    await stage.until(() => going.revocations.at(-1)?.length === 2, 'the last draining');
    const before = going.grants.length;
    await stage.wait(other.close());
    await stage.until(() => heir.owned.size === 4, 'the share of the one that left');
    expect(going.grants).toHaveLength(before);
    drained();
    await stage.wait(gone);
    await stage.until(() => heir.owned.size === 6, 'the rest');
  });

  scenario('closes however often, and before it was started, and tells its listener nothing afterwards', async ({ fill, joined, probe, stage, topic }) => {
    const name = await topic(1);
    await stage.wait(probe({ group: stage.uniqueName('group'), topics: [name] }).close());
    const member = await joined({ group: stage.uniqueName('group'), topics: [name], follow: true });
    await stage.wait(Promise.all([member.close(), member.close()]));
    await stage.wait(member.close());
    const next = await joined({ group: member.group, topics: [name], follow: true });
    await fill(name, 0, ['v']);
    await stage.until(() => next.records.length === 1, 'the next member');
    expect(member.records).toEqual([]);
    expect(member.story).toEqual(['assigned 0', 'revoked 0']);
  });

  scenario('waits in close for the end of the listener\'s draining', async ({ commit, committed, joined, stage, topic }) => {
    const name = await topic(1);
    const member = await joined({
      group: stage.uniqueName('group'), topics: [name],
      onRevoked: async () => { await member.consumer.commit([{ partition: 0, positions: [{ topic: name, offset: 8, metadata: 'drained' }] }]); },
    });
    await commit(member, [{ partition: 0, positions: [{ topic: name, offset: 3, metadata: '' }] }]);
    await stage.wait(member.close());
    expect(await committed(member.group, name, 0)).toEqual({ offset: 8, metadata: 'drained' });
  });

  scenario('moves the partitions of a member that fell silent when its session has run out, not before', async ({ joined, stage, topic }) => {
    const name = await topic(2);
    const group = stage.uniqueName('group');
    const broker = stage.broker();
    const silent = await joined({ group, topics: [name], broker, sessionTimeoutMs: stage.sessionTimeoutMs });
    expect(silent.owned.size).toBe(2);
    const survivor = await joined({ group, topics: [name], sessionTimeoutMs: stage.sessionTimeoutMs });
    await stage.until(() => survivor.owned.size === 1 && silent.owned.size === 1, 'an even spread');
    const cutMs = stage.now();
    stage.cutOff(broker);
    await stage.until(() => survivor.owned.size === 2, 'the takeover');
    expect(stage.now() - cutMs).toBeGreaterThan(stage.sessionTimeoutMs * 0.5);
    expect(survivor.losses).toEqual([]);
  });

  scenario('tells a member that was expelled that all is lost, and takes it in again', async ({ fill, joined, stage, topic }) => {
    const name = await topic(2);
    const member = await joined({ group: stage.uniqueName('group'), topics: [name], follow: true });
    await stage.wait(stage.expel(member.group, member.clientId));
    await stage.until(() => member.story.length >= 3 && member.owned.size === 2, 'the way back');
    expect(member.story.slice(0, 2)).toEqual(['assigned 0,1', 'lost 0,1']);
    await fill(name, 1, ['v']);
    await stage.until(() => member.records.length === 1, 'a record after the return');
  });

  scenario('shows that it is alive', async ({ joined, stage, topic }) => {
    const name = await topic(1);
    const before = stage.now();
    const member = await joined({ group: stage.uniqueName('group'), topics: [name], follow: true });
    const joinedMs = member.consumer.lastSeen().coordinatorMs;
    expect(joinedMs).toBeGreaterThanOrEqual(before);
    await stage.until(() => member.consumer.lastSeen().coordinatorMs > joinedMs && member.consumer.lastSeen().fetchMs > joinedMs, 'a further sign of life');
  });
}
