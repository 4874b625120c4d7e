import { expect, test } from 'vitest';
import { unspokenRequests } from '../../../../shared/kafka/kafkajs/askedRequests.ts';
import { kafkajsInternals, type ApiVersions } from '../../../../shared/kafka/kafkajs/internals.ts';

const all = (range: { minVersion: number; maxVersion: number }): ApiVersions => Object.fromEntries(Object.values(kafkajsInternals().apiKeys).map((key) => [key, range]));
const keyOf = (name: string): number => kafkajsInternals().apiKeys[name] ?? -1;

test('a broker that takes everything leaves no gap', () => {
  expect(unspokenRequests(all({ minVersion: 0, maxVersion: 99 }))).toEqual([]);
});

test('a broker that is too old, too new, or does not know a request is told apart from its others', () => {
  const speaks = all({ minVersion: 0, maxVersion: 99 });
  speaks[keyOf('Fetch')] = { minVersion: 0, maxVersion: 10 };
  speaks[keyOf('Metadata')] = { minVersion: 40, maxVersion: 99 };
  delete speaks[keyOf('InitProducerId')];
  expect(unspokenRequests(speaks)).toEqual([
    'Fetch v11 (it takes v0 to v10)', 'InitProducerId v0 to v1 (it takes none)', expect.stringMatching(/^Metadata v0 to v\d+ \(it takes v40 to v99\)$/),
  ]);
});
