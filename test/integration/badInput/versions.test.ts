import { expect, inject, test } from 'vitest';
import { departureV1, departureV2 } from '../../../schemas/flights.Departure/payload.generated.ts';
import { createCodec } from '../../../shared/avro/codec.ts';
import { createRegistry } from '../../../shared/avro/registry.ts';
import { defineJob } from '../../../shared/jobs/defineJob.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createStage, type Appended } from './stage.ts';

const flight = { date: '2001/01/01 06:55', delay: -19, distance: 1797, origin: 'LAX', destination: 'BNA' };

test('a worker on v2 reads v1 jobs with the default filled in, and a worker on v1 reads v2 jobs without what it does not know', async () => {
  const codec = createCodec({ registry: createRegistry({ url: inject('registryUrl') }), clock: systemClock });
  const [v1, v2] = [await codec.register(departureV1), await codec.register(departureV2)];
  const values = [codec.encode(flight, v1), codec.encode({ ...flight, sequence: 7 }, v2)];
  const read: Record<string, unknown[]> = {};
  for (const schema of [departureV1, departureV2]) {
    const stage = await createStage(`v${schema.version}`);
    const job = defineJob({ kind: 'flights.Departure', queue: stage.queue, schema: schema, key: ({ origin }) => origin, handle: (payload, ctx) => { stage.note(payload, ctx); } });
    await stage.startWorker([job]);
    // Old and new producers side by side, some of which know nothing of millrace.
    const at = await stage.append(values.flatMap((value, n) => [{ key: 'LAX', value, headers: { ce_id: `named-${n}`, ce_type: 'flights.Departure' } }, { key: 'LAX', value }]));
    await stage.committedPast(at.at(-1) as Appended);
    expect(stage.letters).toEqual([]);
    read[`v${schema.version}`] = stage.runs.map(({ payload }) => payload);
    await stage.close();
  }
  expect(read).toEqual({
    v1: [flight, flight, flight, flight],
    v2: [{ ...flight, sequence: -1 }, { ...flight, sequence: -1 }, { ...flight, sequence: 7 }, { ...flight, sequence: 7 }],
  });
});
