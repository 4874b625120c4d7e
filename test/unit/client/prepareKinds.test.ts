import { expect, it } from 'vitest';
import { jobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import { createPreparedKinds } from '../../../shared/client/prepareKinds.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createVirtualClock } from '../../../shared/testing/virtualClock.ts';

const job = defineJob({ kind: 'k', queue: 'q', schema: jobV1, key: () => 'e', handle: () => undefined });

function setUp() {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let asked = 0;
  const steps: string[] = [];
  const kinds = createPreparedKinds({
    source: '/s', persist: (work) => work(),
    prepareQueue: async (queue) => { steps.push(`prepare ${queue}`); },
    codec: createCodec({ registry: createMemoryRegistry(), clock: createVirtualClock(0) }),
    producer: { partitionCount: (topic) => { steps.push(`count ${topic}`); asked += 1; return promise; } },
  });
  return { kinds, resolve, reject, steps, asked: () => asked };
}

it('serves who asks first first, whoever asks when the kind gets ready', async () => {
  const { kinds, resolve, asked } = setUp();
  const order: string[] = [];
  const use = (name: string, then = (): void => undefined): void => {
    kinds.use(job, () => { order.push(name); then(); }, () => undefined);
  };
  use('a', () => { queueMicrotask(() => { use('late'); }); });
  use('b');
  const got = kinds.get(job);
  resolve(3);
  expect((await got).partitions).toBe(3);
  expect(order).toEqual(['a', 'b', 'late']);
  expect(asked()).toBe(1);
});

it('tells all who wait when it fails, and tries anew for the next', async () => {
  const { kinds, reject, asked } = setUp();
  const failed = Promise.allSettled([kinds.get(job), kinds.get(job)]);
  reject(new MillraceError('TOPIC_MISSING'));
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await kinds.get(job).catch(() => undefined);
  expect(asked()).toBe(2);
});

it('prepares the queue before it counts its partitions', async () => {
  const { kinds, resolve, steps } = setUp();
  resolve(3);
  await kinds.get(job);
  expect(steps).toEqual(['prepare q', 'count q']);
});
