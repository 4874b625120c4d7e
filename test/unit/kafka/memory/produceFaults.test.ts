import { describe, expect, it } from 'vitest';
import { delayAck, duplicate, hold, loseAck, refuse, refuseLargerThan, stall, times, when } from '../../../../shared/testing/index.ts';
import { createRig, record } from './rig.ts';

describe('faults in producing', () => {
  it('refuse what they match and nothing else, until they are removed', async () => {
    const rig = createRig(2);
    const { producer } = await rig.process('p');
    const heal = rig.faults.onProduce(when({ topic: 't', partition: 1 }, refuse('BROKER_REFUSED')));
    expect(await rig.outcome(producer.send('t', 1, [record('a')]))).toBe('BROKER_REFUSED');
    expect(await rig.outcome(producer.send('t', 0, [record('b')]))).toBe('resolved');
    heal();
    expect(await rig.outcome(producer.send('t', 1, [record('c')]))).toBe('resolved');
    expect([rig.texts('t', 0), rig.texts('t', 1)]).toEqual([['b'], ['c']]);
  });

  it('strike as often as they are told to', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(times(2, when({}, refuse('BROKER_UNAVAILABLE'))));
    const sends = ['a', 'b', 'c'].map((text) => rig.outcome(producer.send('t', 0, [record(text)])));
    expect(await Promise.all(sends)).toEqual(['BROKER_UNAVAILABLE', 'BROKER_UNAVAILABLE', 'resolved']);
    expect(rig.texts('t')).toEqual(['c']);
  });

  it('can be any function of the request', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(({ records }) => (records.some(({ key }) => key === 'poison') ? refuse('BROKER_REFUSED') : undefined));
    const sends = ['good', 'poison', 'good'].map((key) => rig.outcome(producer.send('t', 0, [record(key, key)])));
    expect(await Promise.all(sends)).toEqual(['resolved', 'BROKER_REFUSED', 'resolved']);
  });

  it('refuse by size', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(refuseLargerThan(500, { topic: 't' }));
    expect(await rig.outcome(producer.send('t', 0, [record('x'.repeat(500))]))).toBe('BROKER_RECORD_TOO_LARGE');
    expect(await rig.outcome(producer.send('t', 0, [record('x'.repeat(400))]))).toBe('resolved');
  });

  it('lose an ack: the record is there, its sender is told otherwise', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(times(1, when({}, loseAck())));
    expect(await rig.outcome(producer.send('t', 0, [record('a')]))).toBe('BROKER_UNAVAILABLE');
    expect(rig.texts('t')).toEqual(['a']);
  });

  it('let a write land long after its sender gave it up', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(times(1, when({}, loseAck(100_000))));
    expect(await rig.outcome(producer.send('t', 0, [record('late')]))).toBe('BROKER_UNAVAILABLE');
    await rig.run(producer.send('t', 0, [record('next')]));
    expect(rig.texts('t')).toEqual(['next']);
    await rig.clock.advance(100_000);
    expect(rig.texts('t')).toEqual(['next', 'late']);
  });

  it('delay an ack, not the record', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(when({}, delayAck(5_000)));
    let acked = false;
    void producer.send('t', 0, [record('a')]).then(() => { acked = true; });
    await rig.clock.advance(4_900);
    expect([rig.texts('t'), acked]).toEqual([['a'], false]);
    await rig.clock.advance(200);
    expect(acked).toBe(true);
  });

  it('append a second time later, with the first one\'s timestamp', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    rig.faults.onProduce(times(1, when({}, duplicate(2_000))));
    await rig.run(producer.send('t', 0, [record('a')]));
    await rig.run(producer.send('t', 0, [record('b')]));
    await rig.clock.advance(2_000);
    expect(rig.texts('t')).toEqual(['a', 'b', 'a']);
    const [first, , again] = rig.inspect.records('t', 0);
    expect(again?.timestampMs).toBe(first?.timestampMs);
  });

  it('hold a request back, and all that its sender sent to the partition behind it, in order', async () => {
    const rig = createRig(2);
    const { producer } = await rig.process('p');
    rig.faults.onProduce(times(1, when({ partition: 0 }, hold(1_000))));
    for (const text of ['a', 'b', 'c']) void producer.send('t', 0, [record(text)]);
    void producer.send('t', 1, [record('free')]);
    await rig.clock.advance(900);
    expect([rig.texts('t', 0), rig.texts('t', 1)]).toEqual([[], ['free']]);
    await rig.clock.advance(200);
    expect(rig.texts('t', 0)).toEqual(['a', 'b', 'c']);
  });

  it('stall requests for as long as they stand, and let them through in order when they are removed', async () => {
    const rig = createRig();
    const { producer } = await rig.process('p');
    const heal = rig.faults.onProduce(when({}, stall()));
    const sends = ['a', 'b', 'c'].map((text) => producer.send('t', 0, [record(text)]));
    await rig.clock.advance(600_000);
    expect(rig.texts('t')).toEqual([]);
    heal();
    await rig.run(Promise.all(sends));
    expect(rig.texts('t')).toEqual(['a', 'b', 'c']);
  });

  it('leave a gap of one offset after the share of sends that was asked for', async () => {
    const rig = createRig(1, { gapShare: 0.5 });
    const { producer } = await rig.process('p');
    await rig.run(Promise.all(Array.from({ length: 200 }, (_, at) => producer.send('t', 0, [record(String(at))]))));
    const gaps = rig.inspect.bounds('t', 0).endOffset - 200;
    expect(gaps).toBeGreaterThan(70);
    expect(gaps).toBeLessThan(130);
  });
});
