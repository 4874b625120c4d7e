import { expect } from 'vitest';
import type { OutgoingRecord } from '../../shared/kafka/port.ts';
import type { Scenario } from './broker.ts';
import { record } from './scene.ts';

export function describeRoundTrip(scenario: Scenario): void {
  scenario('tells an empty key or value from none', async ({ fill, read, topic }) => {
    const name = await topic(1);
    await fill(name, 0, [{ key: null, value: null }, { key: Buffer.alloc(0), value: Buffer.alloc(0) }, { key: '', value: Buffer.from('v') }]);
    const [none, empty, emptyText] = await read(name, 0, 3);
    expect([none?.key, none?.value]).toEqual([null, null]);
    expect([empty?.key, empty?.value]).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    expect(emptyText?.key).toEqual(Buffer.alloc(0));
  });

  scenario('arrives with the bytes of its key and value, whatever they are', async ({ fill, read, topic }) => {
    const name = await topic(1);
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
    const sent: OutgoingRecord[] = [{ key: Buffer.from([0xff, 0xfe, 0x00, 0xc3]), value: bytes }, { key: 'Grüße, 渡辺', value: Buffer.from([0]) }];
    await fill(name, 0, sent);
    const [binary, text] = await read(name, 0, 2);
    expect(binary?.key?.equals(Buffer.from([0xff, 0xfe, 0x00, 0xc3]))).toBe(true);
    expect(binary?.value?.equals(bytes)).toBe(true);
    expect(text?.key?.toString()).toBe('Grüße, 渡辺');
  });

  scenario('arrives with the bytes of its headers: not UTF-8, empty, and several of one name in their order', async ({ fill, read, topic }) => {
    const name = await topic(1);
    await fill(name, 0, [{ ...record('v'), headers: { binary: Buffer.from([0xc3, 0x28, 0xff]), text: 'Grüße', empty: '', twice: ['first', Buffer.from([0xfe])] } }, record('bare')]);
    const [full, bare] = await read(name, 0, 2);
    expect({ ...full?.headers }).toEqual({ binary: Buffer.from([0xc3, 0x28, 0xff]), text: Buffer.from('Grüße'), empty: Buffer.alloc(0), twice: [Buffer.from('first'), Buffer.from([0xfe])] });
    expect(Object.keys(bare?.headers ?? {})).toEqual([]);
  });

  scenario('may have headers that bear the names of what every object inherits', async ({ fill, read, topic }) => {
    const name = await topic(1);
    const headers = JSON.parse('{"constructor":"a","toString":"b","__proto__":"c"}') as Record<string, string>;
    await fill(name, 0, [{ ...record('v'), headers }]);
    const got = (await read(name, 0, 1))[0]?.headers ?? {};
    for (const [header, value] of Object.entries(headers)) expect(Object.getOwnPropertyDescriptor(got, header)?.value, header).toEqual(Buffer.from(value));
    expect(Object.keys(got)).toHaveLength(3);
  });

  scenario('bears the time of its sending', async ({ fill, read, stage, topic }) => {
    const name = await topic(1);
    const before = stage.now();
    await fill(name, 0, ['v']);
    const after = stage.now();
    const timestampMs = (await read(name, 0, 1))[0]?.timestampMs ?? NaN;
    expect(timestampMs).toBeGreaterThanOrEqual(Math.floor(before));
    expect(timestampMs).toBeLessThanOrEqual(after);
  });

  scenario('stays as it was sent when the sender uses its buffers again after the answer', async ({ fill, read, topic }) => {
    const name = await topic(1);
    const value = Buffer.from('original');
    const header = Buffer.from('original');
    await fill(name, 0, [{ key: 'k', value, headers: { header } }]);
    value.fill(0);
    header.fill(0);
    const [got] = await read(name, 0, 1);
    expect([String(got?.value), String(got?.headers?.['header'] as Buffer)]).toEqual(['original', 'original']);
  });
}
