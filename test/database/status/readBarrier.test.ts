import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { applyChunks } from '../../../shared/status/applyChunks.ts';
import { prepareStatusTables } from '../../../shared/status/prepareStatusTables.ts';
import { createReadBarrier } from '../../../shared/status/readBarrier.ts';
import { createStatusApi } from '../../../services/status/api/createStatusApi.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createRecordMaker } from './recordsOfJobs.ts';

describe.each(databaseKinds)('reading one\'s own writes (%s)', (kind) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    await prepareStatusTables(test.database);
  });
  afterAll(() => test.close());

  it('waits until the tables have what Kafka had when the question came, and asks Kafka once for many', async () => {
    const maker = await createRecordMaker();
    const broker = createMemoryCluster({ clock: systemClock, random: Math.random }).broker();
    const admin = broker.createAdmin({ clientId: 'test' });
    let asked = 0;
    const counted = { ...admin, logBounds: (topic: string) => { asked++; return admin.logBounds(topic); } };
    await admin.createTopics(['q', 'q.retry', 'q.dlq', 'q.events'].map((name) => ({ name, partitions: 2, replicationFactor: 1, config: {} })));
    const producer = broker.createProducer({ clientId: 'test' });
    await producer.start();
    const record = maker.main(0, { id: 'mine' });
    await producer.send('q', 1, [{ key: record.key, value: record.value, ...(record.headers === undefined ? {} : { headers: record.headers }) }]);

    const barrier = createReadBarrier({ session: test.database, admin: counted, clock: systemClock, queues: null });
    expect(await barrier.passed(120)).toBe(false);
    asked = 0;
    const waiting = Promise.all(Array.from({ length: 50 }, () => barrier.passed(20_000)));
    const api = await createStatusApi({ database: test.database, broker, admin, registry: createMemoryRegistry(), token: null, clock: systemClock, logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }), queues: null, readWaitMs: 50, maxStreams: 1 });
    // Nothing was projected yet: that it is unknown would be a lie.
    const behind = await api.app.inject('/v1/jobs/mine');
    expect([behind.statusCode, behind.json<{ code: string }>().code, behind.headers['retry-after']]).toEqual([503, 'STATUS_BEHIND', '2']);
    expect((await api.app.inject('/v1/jobs/mine?after=q/1/0')).statusCode).toBe(503);
    await applyChunks(test.database, 'q', [{ stream: 'main', partition: 1, after: -1, nextOffset: 1, records: [record] }], maker.reader);
    expect(new Set(await waiting)).toEqual(new Set([true]));
    expect(asked).toBeLessThanOrEqual(2);
    expect((await api.app.inject('/v1/jobs/mine')).statusCode).toBe(200);
    expect((await api.app.inject('/v1/jobs/other')).statusCode).toBe(404);
    // A hint that names another job's place says nothing of the id.
    expect((await api.app.inject('/v1/jobs/other?after=q/1/0')).statusCode).toBe(404);
    expect((await api.app.inject('/v1/jobs/mine?after=q/0/7')).statusCode).toBe(200);
    await api.close();
    await producer.close();
    await admin.close();
  });
});
