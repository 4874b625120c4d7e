import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { jobEventsV2 } from '../../schemas/millrace.JobEvents/payload.generated.ts';
import { departureV1, departureV2 } from '../../schemas/flights.Departure/payload.generated.ts';
import type { AvroSchema, PayloadSchema } from '../../schemas/payloadSchema.ts';
import { createCodec, createReader } from '../../shared/avro/codec.ts';
import { createRegistry, type Registry } from '../../shared/avro/registry.ts';
import { systemClock } from '../../shared/runtime/clock.ts';

const a = { name: 'a', type: 'int' };
const recordWith = (...fields: readonly { name: string; type: AvroSchema; default?: unknown }[]): AvroSchema => ({ type: 'record', name: 'T', namespace: 't', fields });
/** Subjects stay in the registry of a test run, so each test has its own. */
const newSubject = (): string => `t.T${randomUUID().replaceAll('-', '')}`;

describe('a real registry', () => {
  let registry: Registry;
  beforeAll(() => { registry = createRegistry({ url: inject('registryUrl') }); });

  test('gives a schema the same id each time, and back by that id', async () => {
    const subject = newSubject();
    const id = await registry.register(subject, recordWith(a));
    expect(await registry.register(subject, recordWith(a))).toBe(id);
    expect(JSON.parse(await registry.schemaById(id))).toEqual(recordWith(a));
    expect(await registry.latest(subject)).toMatchObject({ id, version: 1 });
  });

  test('takes a new subject from many processes that start together', async () => {
    const subject = newSubject();
    const ids = await Promise.all(Array.from({ length: 12 }, () => createRegistry({ url: inject('registryUrl') }).register(subject, recordWith(a))));
    expect(new Set(ids).size).toBe(1);
    await expect(registry.register(subject, recordWith(a, { name: 'b', type: 'int' }))).rejects.toMatchObject({ code: 'SCHEMA_INCOMPATIBLE' });
  });

  test('refuses a second version that cannot read the first, from the very first subject on', async () => {
    const subject = newSubject();
    await registry.register(subject, recordWith(a));
    await expect(registry.register(subject, recordWith(a, { name: 'b', type: 'int' }))).rejects.toMatchObject({ code: 'SCHEMA_INCOMPATIBLE' });
  });

  test('refuses a third version that can read the second but not the first', async () => {
    const subject = newSubject();
    await registry.register(subject, recordWith(a));
    await registry.register(subject, recordWith(a, { name: 'b', type: 'int', default: 0 }));
    const third = recordWith(a, { name: 'b', type: 'int' });
    expect(await registry.isCompatible(subject, third)).toBe(false);
    await expect(registry.register(subject, third)).rejects.toMatchObject({ code: 'SCHEMA_INCOMPATIBLE' });
  });

  test('says what would be compatible without registering it', async () => {
    const subject = newSubject();
    expect(await registry.isCompatible(subject, recordWith(a))).toBe(true);
    expect(await registry.latest(subject)).toBeNull();
  });

  test.each([0, 999_999_999, 2 ** 31 - 1])('knows no schema %d', async (id) => {
    await expect(registry.schemaById(id)).rejects.toMatchObject({ code: 'SCHEMA_UNKNOWN' });
  });

  test('refuses what is no schema', async () => {
    await expect(registry.register(newSubject(), { type: 'rcord' })).rejects.toMatchObject({ code: 'SCHEMA_INVALID' });
  });

  test('does not take a wrong path of a registry for an unknown schema', async () => {
    const wrong = createRegistry({ url: new URL('/no/such/path', inject('registryUrl')).href });
    await expect(wrong.schemaById(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  test('carries v1 and v2 jobs between two processes that share nothing else', async () => {
    const newCodec = () => createCodec({ registry, clock: systemClock });
    const [old, young, worker] = [newCodec(), newCodec(), newCodec()];
    const flight = { date: '2001/01/01 06:55', delay: -19, distance: 1797, origin: 'LAX', destination: 'BNA' };
    const writerV1 = await old.register(departureV1);
    const writerV2 = await young.register(departureV2);
    await Promise.all([writerV1, writerV2].map(({ schemaId }) => worker.load(schemaId)));
    expect(worker.writerName(writerV1.schemaId)).toBe('flights.Departure');
    expect(worker.decode(old.encode(flight, writerV1), createReader(departureV2))).toEqual({ ...flight, sequence: -1 });
    expect(worker.decode(young.encode({ ...flight, sequence: 3 }, writerV2), createReader(departureV1))).toEqual(flight);
  });

  test('takes every schema of this repository', async () => {
    const codec = createCodec({ registry, clock: systemClock });
    for (const schema of [jobEventsV2, departureV2] as PayloadSchema<unknown>[]) {
      expect((await codec.register(schema)).schemaId).toBeGreaterThanOrEqual(0);
    }
  });
});
