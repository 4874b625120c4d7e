import { expect } from 'vitest';
import type { Scenario } from './broker.ts';
import type { Probe } from './probe.ts';
import { textOf } from './scene.ts';

/** A promise that the test settles. */
function gate(): { readonly opened: Promise<void>; open(): void; fail(error: Error): void } {
  let open = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { opened, open, fail };
}

const told = (probe: Probe, what: string): number[] => probe.story.filter((line) => line.startsWith(what)).flatMap((line) => line.slice(what.length + 1).split(',').map(Number));

export function describeHandover(scenario: Scenario): void {
  scenario('waits for the old owner\'s draining, however slow, and the new owner gets what it committed meanwhile', async ({ commit, committed, joined, probe, stage, topic }) => {
    const name = await topic(2);
    const group = stage.uniqueName('group');
    const draining = gate();
    const old = await joined({ group, topics: [name], onRevoked: () => draining.opened });
    const heir = probe({ group, topics: [name] });
    await stage.wait(heir.consumer.start());
    await stage.until(() => old.revocations.length === 1, 'the revocation');
    const [moving] = old.revocations[0] as [number];
    // Each round is a trip to the broker and back: time enough for a driver that does not wait.
    for (let offset = 1; offset <= 5; offset += 1) await commit(old, [{ partition: moving, positions: [{ topic: name, offset, metadata: `m${offset}` }] }]);
    expect(heir.owned.size).toBe(0);
    expect(await committed(group, name, moving)).toEqual({ offset: 5, metadata: 'm5' });
    draining.open();
    await stage.until(() => heir.owned.size === 1, 'the handover');
    expect(heir.grants).toEqual([{ partition: moving, committed: { [name]: { topic: name, offset: 5, metadata: 'm5' } }, log: { [name]: { startOffset: 0, endOffset: 0 } } }]);
    if (old.revocations.length === 1) expect(told(old, 'revoked')).toEqual([moving]);
  });

  scenario('goes on delivering to the owner that drains, and nothing once it has drained', async ({ commit, fill, joined, probe, stage, topic }) => {
    const name = await topic(2);
    const group = stage.uniqueName('group');
    const draining = gate();
    const old = await joined({ group, topics: [name], follow: true, onRevoked: () => draining.opened });
    const heir = probe({ group, topics: [name], follow: true });
    await stage.wait(heir.consumer.start());
    await stage.until(() => old.revocations.length === 1, 'the revocation');
    const [moving] = old.revocations[0] as [number];
    const ofMoving = (probed: Probe) => textOf(probed.records.filter(({ partition }) => partition === moving));
    await fill(name, moving, ['1', '2']);
    await stage.until(() => ofMoving(old).length === 2, 'what the drain writes');
    old.consumer.pause(name, moving);
    await fill(name, moving, ['3']);
    old.consumer.resume(name, moving, 2);
    await stage.until(() => ofMoving(old).length === 3, 'what came in a pause');
    await commit(old, [{ partition: moving, positions: [{ topic: name, offset: 3, metadata: '' }] }]);
    draining.open();
    await fill(name, moving, ['4', '5']);
    await stage.until(() => heir.owned.size === 1 && ofMoving(heir).length >= 2, 'the new owner');
    await fill(name, moving, ['6']);
    await stage.until(() => ofMoving(heir).length >= 3, 'the new owner again');
    expect([ofMoving(old), ofMoving(heir)]).toEqual([['1', '2', '3'], ['4', '5', '6']]);
  });

  scenario('passes by a partition that stays: no word of it, no record twice, none left out', async ({ fill, joined, stage, topic }) => {
    const name = await topic(6);
    const group = stage.uniqueName('group');
    const first = await joined({ group, topics: [name], follow: true });
    let sent = 0;
    const fillAll = async (): Promise<void> => {
      await Promise.all([0, 1, 2, 3, 4, 5].map((partition) => fill(name, partition, [`v${sent}`])));
      sent += 1;
    };
    const fillUntil = async (condition: () => boolean): Promise<void> => {
      for (let round = 0; !condition(); round += 1) {
        if (round > 2_000) throw new Error('the group does not come to rest');
        await fillAll();
      }
    };
    await fillAll();
    const second = await joined({ group, topics: [name] });
    await fillUntil(() => second.owned.size === 3);
    const kept = [...first.owned].sort();
    await stage.wait(second.close());
    await fillUntil(() => first.owned.size === 6);
    await fillAll();
    expect(kept).toHaveLength(3);
    expect(told(first, 'revoked').filter((partition) => kept.includes(partition))).toEqual([]);
    expect(first.losses).toEqual([]);
    const expected = Array.from({ length: sent }, (_, at) => `v${at}`);
    for (const partition of kept) {
      await stage.until(() => first.records.filter((one) => one.partition === partition).length >= sent, `partition ${partition}`);
      expect(textOf(first.records.filter((one) => one.partition === partition)), `partition ${partition}`).toEqual(expected);
    }
    for (const partition of [0, 1, 2, 3, 4, 5]) expect(told(first, 'assigned').filter((one) => one === partition), `grants of ${partition}`).toHaveLength(kept.includes(partition) ? 1 : 2);
  });

  scenario('moves no more partitions than a newcomer\'s share', async ({ joined, stage, topic }) => {
    const name = await topic(6);
    const group = stage.uniqueName('group');
    const members = [await joined({ group, topics: [name] })];
    members.push(await joined({ group, topics: [name] }));
    await stage.until(() => members[1]?.owned.size === 3, 'the second member\'s share');
    members.push(await joined({ group, topics: [name] }));
    await stage.until(() => members.every(({ owned }) => owned.size === 2), 'the third member\'s share');
    expect(members.flatMap((member) => told(member, 'revoked'))).toHaveLength(3 + 2);
  });

  scenario('counts a draining that takes too long as lost: commits are refused, and the partition goes on', async ({ codeOf, joined, probe, stage, topic }) => {
    const name = await topic(2);
    const group = stage.uniqueName('group');
    let refused: Promise<string> = Promise.resolve('never lost');
    const old = await joined({
      group, topics: [name], revokeTimeoutMs: 1_000, onRevoked: () => gate().opened,
      onLost: ([partition]) => { refused = Promise.resolve().then(() => codeOf(old.consumer.commit([{ partition: partition as number, positions: [{ topic: name, offset: 9, metadata: '' }] }]))); },
    });
    const heir = probe({ group, topics: [name] });
    await stage.wait(heir.consumer.start());
    await stage.until(() => heir.owned.size === 1, 'the handover');
    expect(old.losses).toEqual([[...heir.owned]]);
    expect(await refused).toBe('BROKER_FENCED');
    expect(heir.grants[0]?.committed[name]).toBeNull();
    expect(old.owned.size).toBe(1);
  });

  scenario('goes on when the draining fails, and reports that as trouble', async ({ joined, probe, stage, topic }) => {
    const name = await topic(2);
    const group = stage.uniqueName('group');
    const failure = new Error('cannot drain');
    const old = await joined({ group, topics: [name], onRevoked: () => Promise.reject(failure) });
    const heir = probe({ group, topics: [name] });
    await stage.wait(heir.consumer.start());
    await stage.until(() => heir.owned.size === 1, 'the handover');
    expect(old.losses).toEqual([]);
    expect(old.troubles.filter((error) => error === failure || error.cause === failure)).toHaveLength(1);
  });

  scenario('lets a newcomer carry on from the commit of the one that left: nothing lost, nothing twice', async ({ commit, fill, joined, stage, topic }) => {
    const name = await topic(1);
    const group = stage.uniqueName('group');
    await fill(name, 0, ['a', 'b', 'c', 'd']);
    const before = await joined({ group, topics: [name], follow: true });
    await stage.until(() => before.records.length === 4, 'the first reading');
    await commit(before, [{ partition: 0, positions: [{ topic: name, offset: 2, metadata: '' }] }]);
    await stage.wait(before.close());
    const after = await joined({ group, topics: [name], follow: true });
    await stage.until(() => after.records.length === 2, 'the second reading');
    expect(textOf(after.records)).toEqual(['c', 'd']);
  });
}
