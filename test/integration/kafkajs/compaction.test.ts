import { expect, inject, it } from 'vitest';
import { createKafkajsBroker } from '../../../shared/kafka/kafkajs/kafkajsBroker.ts';
import { uniqueName } from '../../topicNames.ts';
import { makeTopic, watch } from './watcher.ts';
import { until } from '../../until.ts';

it('reads a compacted log by its batches, not offset by offset, and knows its position behind the gaps', async () => {
  const brokers = inject('brokers').split(',');
  const topic = await makeTopic(brokers, uniqueName('compacted'), 1, { 'cleanup.policy': 'compact', 'segment.ms': '200', 'min.cleanable.dirty.ratio': '0.001', 'max.compaction.lag.ms': '200', 'min.compaction.lag.ms': '0' });
  const broker = createKafkajsBroker({ brokers });
  const producer = broker.createProducer({ clientId: 'p' });
  await producer.start();
  const same = Array.from({ length: 500 }, (_, n) => ({ key: 'same', value: Buffer.from(String(n)) }));
  let compacted = false;
  let fills = 0;
  for (; !compacted && fills < 100; fills++) {
    await producer.send(topic, 0, same);
    await new Promise((resolve) => { setTimeout(resolve, 300); }); // segments are closed by time
    const reader = watch(broker, topic, { group: uniqueName('g') });
    await reader.consumer.start();
    const end = (fills + 1) * 500;
    await until(() => reader.batches.at(-1)?.nextOffset === end, 'the end');
    compacted = reader.records.length < end / 2;
    if (compacted) {
      expect(reader.batches.length).toBeLessThan(20);
      expect(reader.records.at(-1)).toMatchObject({ offset: end - 1 });
    }
    await reader.consumer.close();
  }
  await producer.close();
  expect(compacted, 'the log cleaner ran').toBe(true);
});
