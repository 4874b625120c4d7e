import net from 'node:net';
import { describe, expect, inject, it } from 'vitest';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { uniqueName } from '../../topicNames.ts';
import { makeTopic, readAll } from './watcher.ts';

describe('records that were compressed by others', () => {
  // The broker compresses anew what comes to a topic with a compression of its own: with Java's libraries, as Java producers do.
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('are read when %s did it', async (codec) => {
    const brokers = inject('brokers').split(',');
    const topic = await makeTopic(brokers, uniqueName(codec), 1, { 'compression.type': codec });
    const producer = createKafkajsBroker({ brokers }).createProducer({ clientId: 'p' });
    await producer.start();
    // Long and short, alike and random: several blocks, some of which cannot be made smaller.
    const values = Array.from({ length: 2000 }, (_, n) => `${n} ${n % 2 === 0 ? 'same '.repeat(40) : Array.from({ length: 30 }, () => Math.random().toString(36)).join('')}`);
    await producer.send(topic, 0, values.map((value) => ({ key: null, value: Buffer.from(value) })));
    expect(await readAll(brokers, topic, 0)).toEqual(values);
    await producer.close();
  });

  it.each(['gzip', 'zstd'])('are read when %s made one batch of them, larger than a fetch asks for', async (codec) => {
    const brokers = inject('brokers').split(',');
    const topic = await makeTopic(brokers, uniqueName(codec), 1, { 'compression.type': codec });
    const producer = createKafkajsBroker({ brokers }).createProducer({ clientId: 'p' });
    await producer.start();
    // Random, so that it stays close to the limit of a batch when packed, and beyond what readers ask for at once.
    const values = Array.from({ length: 60 }, (_, n) => `${n} ${Array.from({ length: 700 }, () => Math.random().toString(36)).join('')}`);
    await producer.send(topic, 0, values.map((value) => ({ key: null, value: Buffer.from(value) })));
    expect(await readAll(brokers, topic, 0, { maxBytesPerPartition: 64 * 1024 })).toEqual(values);
    await producer.close();
  });
});

describe('records that we compress', () => {
  // With a compression of its own, the broker takes our batches apart with Java's libraries, as Java consumers do, and makes its own of them.
  it.each([['gzip', 'snappy'], ['zstd', 'lz4'], ['zstd', 'producer'], ['gzip', 'producer']] as const)('are read by Java when %s did it, and by us from a topic of %s', async (compression, ofTopic) => {
    const brokers = inject('brokers').split(',');
    const topic = await makeTopic(brokers, uniqueName(compression), 1, { 'compression.type': ofTopic });
    let sockets: net.Socket[] = [];
    const producer = createKafkajsBroker({
      brokers, compression,
      socketFactory({ host, port, onConnect }) {
        const socket = net.connect({ host, port }, onConnect);
        sockets = [...sockets, socket];
        return socket;
      },
    }).createProducer({ clientId: 'p' });
    await producer.start();
    const values = Array.from({ length: 5000 }, (_, n) => `${n} ${'same '.repeat(n % 50)}`);
    const headers = { ce_id: 'a', flag: Buffer.from([0, 255]) };
    const sends = [values.slice(0, 3), values.slice(3, 4000), values.slice(4000)].map((part) => producer.send(topic, 0, part.map((value) => ({ key: 'k', value: Buffer.from(value), headers }))));
    expect(await Promise.all(sends)).toEqual([{ baseOffset: 0 }, { baseOffset: 3 }, { baseOffset: 4000 }]);
    const plainBytes = values.reduce((sum, value) => sum + value.length + 20, 0);
    expect(sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)).toBeLessThan(plainBytes / 4);
    expect(await readAll(brokers, topic, 0)).toEqual(values);
    await producer.close();
  });
});
