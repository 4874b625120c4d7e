import { expect, inject, test } from 'vitest';
import { playRelayTour } from './relayTour.ts';
import { armSources } from './sources.ts';

/** Where a batch is read, is out, is acked and not noted, is noted; and where shards are given back. `relay.main.ts` visits all. */
const sample = [
  'shared/outbox/relayStream.ts:relayBatch#1.back', 'shared/outbox/sendRows.ts:sendToPartition#1.left', 'shared/outbox/sendRows.ts:sendToPartition#1.back', 'shared/outbox/settleRows.ts:settleRows#1.left',
  'shared/outbox/shardLeases.ts:close#1.left',
];

test('runs each job once, in the order of commits, when outbox relays die at an await: a sample of the sweep', async () => {
  const { points, code } = armSources();
  expect(sample.filter((point) => !points.includes(point))).toEqual([]);
  const { died, committed, ran, doubles } = await playRelayTour({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), databaseUrl: inject('databaseUrl'), code, points: sample });
  expect(died).toEqual(sample);
  expect(ran).toEqual(committed);
  expect(doubles, 'what was acked and not noted came once more').toBeGreaterThan(0);
});
