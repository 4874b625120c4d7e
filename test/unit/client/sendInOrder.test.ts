import { describe, expect, it } from 'vitest';
import { createPendingBudget } from '../../../shared/client/pendingBudget.ts';
import { createOrderedSender, type PendingRecord } from '../../../shared/client/sendInOrder.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

/** A sender whose requests the test answers one by one. */
function setUp() {
  const clock = createVirtualClock(0);
  const requests: { names: string[]; resolve: (baseOffset: number) => void; reject: (error: unknown) => void }[] = [];
  const ended: string[] = [];
  const put = createOrderedSender({
    topic: 't', partition: 0, clock, random: () => 0, maxBatchRecords: 3, maxBatchBytes: 100,
    producer: {
      send: (_topic, _partition, records) => new Promise((resolve, reject) => {
        requests.push({ names: records.map(({ key }) => String(key)), resolve: (baseOffset) => { resolve({ baseOffset }); }, reject });
      }),
    },
  });
  const pending = (name: string, bytes = 1, deadlineMs = 1000): PendingRecord => ({
    record: { key: name, value: null }, bytes, deadlineMs,
    acked: (offset) => { ended.push(`${name}@${offset}`); },
    failed: (error) => { ended.push(`${name}: ${error instanceof MillraceError ? error.code : String(error)}`); },
  });
  return { clock, requests, ended, put, pending, turn: () => clock.advance(0) };
}

describe('an ordered sender', () => {
  it('gathers what comes while a batch is under way, and sends it afterwards', async () => {
    const { requests, put, pending, turn, ended } = setUp();
    put(pending('a'));
    await turn();
    put(pending('b'));
    put(pending('c'));
    await turn();
    expect(requests.map(({ names }) => names)).toEqual([['a']]);
    requests[0]?.resolve(7);
    await turn();
    expect(requests[1]?.names).toEqual(['b', 'c']);
    requests[1]?.resolve(8);
    await turn();
    expect(ended).toEqual(['a@7', 'b@8', 'c@9']);
  });

  it('lets nothing overtake a batch that is tried again', async () => {
    const { requests, put, pending, turn, ended, clock } = setUp();
    put(pending('a'));
    await turn();
    put(pending('b'));
    requests[0]?.reject(new MillraceError('BROKER_UNAVAILABLE'));
    await clock.advance(25);
    expect(requests.map(({ names }) => names)).toEqual([['a'], ['a']]);
    expect(ended).toEqual([]);
  });

  it('waits longer from failure to failure, and gives each record up at its own deadline', async () => {
    const { requests, put, pending, turn, ended, clock } = setUp();
    put(pending('short', 1, 100));
    put(pending('long', 1, 1000));
    await turn();
    const triedAtMs: number[] = [];
    for (let i = 0; i < 20 && ended.length < 2; i += 1) {
      triedAtMs.push(clock.monotonic());
      requests.at(-1)?.reject(new MillraceError('BROKER_UNAVAILABLE'));
      const sent: number = requests.length;
      await clock.runUntil(() => requests.length > sent || ended.length === 2).catch(() => undefined);
    }
    expect(triedAtMs).toEqual([0, 25, 75, 175, 375, 775]);
    expect(ended).toEqual(['short: BROKER_UNAVAILABLE', 'long: BROKER_UNAVAILABLE']);
    expect(requests.map(({ names }) => names.length)).toEqual([2, 2, 2, 1, 1, 1]);
  });

  it('does not try again what is refused for good', async () => {
    const { requests, put, pending, turn, ended } = setUp();
    put(pending('a'));
    await turn();
    requests[0]?.reject(new MillraceError('TOPIC_MISSING'));
    await turn();
    expect(ended).toEqual(['a: TOPIC_MISSING']);
    put(pending('b'));
    await turn();
    expect(requests[1]?.names).toEqual(['b']);
  });

  it('cuts batches at their bounds, but sends a record that exceeds them alone', async () => {
    const { requests, put, pending, turn } = setUp();
    for (const [name, bytes] of [['a', 1], ['b', 1], ['c', 1], ['d', 60], ['e', 60], ['f', 500]] as const) put(pending(name, bytes));
    for (let i = 0; i < 4; i += 1) {
      await turn();
      requests[i]?.resolve(0);
    }
    expect(requests.map(({ names }) => names)).toEqual([['a', 'b', 'c'], ['d'], ['e'], ['f']]);
  });
});

describe('the budget of what is pending', () => {
  it('lets nobody overtake who waits', () => {
    const budget = createPendingBudget({ maxJobs: 10, maxBytes: 10 });
    const ran: string[] = [];
    const reserve = (name: string, bytes: number): void => { budget.reserve(bytes, () => { ran.push(name); }); };
    reserve('a', 8);
    reserve('large', 5);
    reserve('small', 1);
    expect(ran).toEqual(['a']);
    budget.release(8);
    expect(ran).toEqual(['a', 'large', 'small']);
    expect([budget.jobs, budget.bytes]).toEqual([2, 6]);
  });
});
