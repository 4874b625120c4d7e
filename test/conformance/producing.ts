import { expect } from 'vitest';
import type { Scenario } from './broker.ts';
import { record, textOf } from './scene.ts';

const texts = (count: number, prefix = 'v'): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);

export function describeProducing(scenario: Scenario): void {
  scenario('appends to a partition in the order of the calls, though none was awaited', async ({ fill, read, topic }) => {
    const name = await topic(1);
    await fill(name, 0, texts(300));
    expect(textOf(await read(name, 0, 300))).toEqual(texts(300));
  });

  scenario('answers each send with the offset at which its first record stands', async ({ producer, read, stage, topic }) => {
    const name = await topic(1);
    const sender = await producer();
    const sends = Array.from({ length: 40 }, (_, at) => sender.send(name, 0, texts(1 + (at % 3), `s${at}.`).map((text) => record(text))));
    const answers = await stage.wait(Promise.all(sends));
    const stored = await read(name, 0, 79);
    answers.forEach(({ baseOffset }, at) => { expect(String(stored.find(({ offset }) => offset === baseOffset)?.value)).toBe(`s${at}.0`); });
  });

  scenario('keeps the order of the records of one send', async ({ producer, read, stage, topic }) => {
    const name = await topic(1);
    const sender = await producer();
    await stage.wait(sender.send(name, 0, texts(500).map((text) => record(text))));
    expect(textOf(await read(name, 0, 500))).toEqual(texts(500));
  });

  scenario('refuses a record beyond the topic\'s limit as too large, and takes one below it', async ({ codeOf, fill, read, topic }) => {
    const name = await topic(1, { 'max.message.bytes': '2000' });
    expect(await codeOf(fill(name, 0, ['x'.repeat(2_100)]))).toBe('BROKER_RECORD_TOO_LARGE');
    await fill(name, 0, ['x'.repeat(1_800)]);
    expect((await read(name, 0, 1))[0]?.value).toHaveLength(1_800);
  });

  scenario('does not let a refused record fail its neighbours in the same partition and in others', async ({ codeOf, producer, read, topic }) => {
    const name = await topic(2, { 'max.message.bytes': '2000' });
    const sender = await producer();
    const before = sender.send(name, 0, [record('before')]);
    const large = sender.send(name, 0, [record('x'.repeat(2_100))]);
    const after = sender.send(name, 0, [record('after')]);
    const elsewhere = sender.send(name, 1, [record('elsewhere')]);
    expect(await Promise.all([before, large, after, elsewhere].map(codeOf))).toEqual(['resolved', 'BROKER_RECORD_TOO_LARGE', 'resolved', 'resolved']);
    expect(textOf(await read(name, 0, 2))).toEqual(['before', 'after']);
    expect(textOf(await read(name, 1, 1))).toEqual(['elsewhere']);
  });

  scenario('takes many small records at once whose sum is beyond the topic\'s limit', async ({ fill, read, topic }) => {
    const name = await topic(1, { 'max.message.bytes': '2000' });
    await fill(name, 0, texts(60).map((text) => text.padEnd(300)));
    expect(textOf(await read(name, 0, 60)).map((text) => text.trim())).toEqual(texts(60));
  });

  scenario('appends nothing of a call behind a record of it that was refused', async ({ codeOf, fill, producer, read, topic }) => {
    const name = await topic(1, { 'max.message.bytes': '2000' });
    const sender = await producer();
    expect(await codeOf(sender.send(name, 0, [...texts(3, 'a'), 'x'.repeat(2_100), ...texts(5, 'b')].map((text) => record(text))))).toBe('BROKER_RECORD_TOO_LARGE');
    const [end] = await fill(name, 0, ['end']);
    const found = textOf(await read(name, 0, (end ?? 0) + 1));
    expect(found).toEqual([...texts(3, 'a').slice(0, found.length - 1), 'end']);
  });

  scenario('says that a topic, or a partition of it, is missing, and goes on with others', async ({ codeOf, producer, stage, topic }) => {
    const name = await topic(1);
    const sender = await producer();
    const missing = stage.uniqueName('missing');
    expect(await codeOf(sender.send(missing, 0, [record('v')]))).toBe('TOPIC_MISSING');
    expect(await codeOf(sender.send(name, 7, [record('v')]))).toBe('TOPIC_MISSING');
    expect(await codeOf(sender.partitionCount(missing))).toBe('TOPIC_MISSING');
    expect(await codeOf(sender.send(name, 0, [record('v')]))).toBe('resolved');
  });

  scenario('counts the partitions of a topic', async ({ producer, stage, topic }) => {
    const name = await topic(5);
    expect(await stage.wait((await producer()).partitionCount(name))).toBe(5);
  });

  scenario('is refused a record without a key in a compacted topic', async ({ codeOf, fill, topic }) => {
    const name = await topic(1, { 'cleanup.policy': 'compact' });
    expect(await codeOf(fill(name, 0, [record('v', null)]))).toBe('BROKER_REFUSED');
    expect(await codeOf(fill(name, 0, [record(null, 'k')]))).toBe('resolved');
  });

  scenario('sends nothing before it is started nor after it is closed', async ({ codeOf, stage, topic }) => {
    const name = await topic(1);
    const sender = stage.broker().createProducer({ clientId: 'unstarted' });
    expect(await codeOf(sender.send(name, 0, [record('v')]))).toBe('NOT_RUNNING');
    await stage.wait(sender.start());
    await stage.wait(sender.close());
    expect(await codeOf(sender.send(name, 0, [record('v')]))).toBe('NOT_RUNNING');
  });

  scenario('finishes what is under way before it closes, however often it is closed', async ({ producer, read, stage, topic }) => {
    const name = await topic(1);
    const sender = await producer();
    const answered: string[] = [];
    const sends = texts(20).map((text) => sender.send(name, 0, [record(text)]).then(() => answered.push(text)));
    await stage.wait(Promise.all([sender.close(), sender.close()]));
    expect(answered.sort()).toEqual(texts(20).sort());
    await stage.wait(Promise.all([...sends, sender.close()]));
    expect(textOf(await read(name, 0, 20))).toEqual(texts(20));
  });
}
