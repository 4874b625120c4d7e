import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createMemoryCluster } from '../../../shared/kafka/memory/cluster.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { applyChunks } from '../../../shared/status/applyChunks.ts';
import { prepareStatusTables } from '../../../shared/status/prepareStatusTables.ts';
import { createStatusApi, type StatusApi } from '../../../services/status/api/createStatusApi.ts';
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../postgres/createDatabase.ts';
import { createMemoryRegistry } from '../../../shared/testing/memoryRegistry.ts';
import { createRecordMaker, type EventWish, type RecordMaker } from './recordsOfJobs.ts';
import { until } from '../../until.ts';

describe.each(databaseKinds)('watching a job (%s)', (kind) => {
  let test: TestDatabase;
  let maker: RecordMaker;
  let api: StatusApi;
  let base: string;
  let events = 0;
  beforeAll(async () => {
    test = await openTestDatabase(kind, inject('databaseUrl'));
    maker = await createRecordMaker();
    await prepareStatusTables(test.database);
    await applyChunks(test.database, 'q', [{ stream: 'main', partition: 0, after: -1, nextOffset: 9, records: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((offset) => maker.main(offset)) }], maker.reader);
    const broker = createMemoryCluster({ clock: systemClock, random: Math.random }).broker();
    api = await createStatusApi({
      database: test.database, broker, admin: broker.createAdmin({ clientId: 'test' }), registry: createMemoryRegistry(), token: null, clock: systemClock,
      logger: createLogger({ level: 'silent', service: 'test', clock: systemClock }), queues: [], readWaitMs: 0, maxStreams: 2, heartbeatMs: 30, maxBufferedBytes: 64 * 1024,
    });
    base = await api.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await api.close();
    await test.close();
  });

  const happen = async (...wishes: readonly EventWish[]): Promise<void> => {
    const at = events++;
    await applyChunks(test.database, 'q', [{ stream: 'events', partition: 0, after: at === 0 ? -1 : at, nextOffset: events, records: [maker.events(at, wishes)] }], maker.reader);
  };
  const open = (offset: number, headers: Record<string, string> = {}) => fetch(`${base}/v1/jobs/job-${offset}/events`, { headers, signal: AbortSignal.timeout(20_000) });
  const noneOpen = async (): Promise<void> => {
    await until(() => api.openStreams === 0, 'all streams to end');
  };

  /** The next look-up of a job waits for `go`. */
  const holdLookUp = (id: string): { readonly asked: Promise<void>; readonly go: () => void } => {
    const [asked, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { query } = test.database;
    test.database.query = async <R>(...given: Parameters<typeof query>) => {
      if (given[1]?.includes(id) === true) {
        test.database.query = query;
        asked.resolve();
        await going.promise;
      }
      return query<R>(...given);
    };
    return { asked: asked.promise, go: going.resolve };
  };

  it('tells each event once, in order, beats in between, and ends when the job is over', async () => {
    await happen({ type: 'started', offset: 0 });
    const response = await open(0);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const body = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (part: string): Promise<void> => {
      while (!text.includes(part)) {
        const { value, done } = await body?.read() ?? { done: true };
        if (done) throw new Error(`ended: ${text}`);
        text += value;
      }
    };
    await readUntil('event: started');
    await readUntil(': still here');
    await happen({ type: 'waiting', offset: 0, afterMs: 3, detail: { reason: 'retry', dueMs: 1, error: { code: 'E', message: 'm' } } });
    await readUntil('event: waiting');
    await happen({ type: 'done', offset: 0, attempt: 2, afterMs: 9 });
    await readUntil('event: end');
    expect((await body?.read())?.done).toBe(true);
    expect([...text.matchAll(/^id: (\d+)\nevent: (\w+)$/gm)].map(([, n, type]) => `${n} ${type}`)).toEqual(['1 started', '2 waiting', '3 done']);
    expect(JSON.parse(/^event: end\ndata: (.*)$/m.exec(text)?.[1] ?? '')).toMatchObject({ id: 'job-0', state: 'done', attempts: 2 });
    expect(api.openStreams).toBe(0);
  });

  it('tells the end although the database failed when it was read: a job that is over changes no more', async () => {
    await happen({ type: 'done', offset: 8 });
    const { query } = test.database;
    let failed = 0;
    test.database.query = <R>(...given: Parameters<typeof query>) => {
      if (failed === 2 || !given[0].startsWith('select timeline')) return query<R>(...given);
      failed += 1;
      return Promise.reject(new Error('the connection broke'));
    };
    const text = await (await open(8)).text();
    test.database.query = query;
    expect(failed).toBe(2);
    expect(text).toMatch(/event: end/);
    await noneOpen();
  });

  it('goes on after the last event that a client heard, and tells one that heard all to stay away', async () => {
    const text = await (await open(0, { 'last-event-id': '2' })).text();
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, n]) => n)).toEqual(['3']);
    const over = await open(0, { 'last-event-id': '3' });
    expect(over.status).toBe(204);
    expect((await open(0, { 'last-event-id': 'nonsense' })).status).toBe(200);
    await noneOpen();
  });

  it('tells how far an attempt is, each time that it changes, and the last of it to who comes late', async () => {
    await happen({ type: 'started', offset: 6 }, { type: 'progress', offset: 6, afterMs: 5, detail: { progress: 0.25, note: 'reading' } });
    const streams = [await open(6), await open(6)].map((response) => response.body?.pipeThrough(new TextDecoderStream()).getReader());
    const texts = ['', ''];
    const readUntil = async (index: number, part: string): Promise<void> => {
      while (texts[index]?.includes(part) === false) texts[index] += (await streams[index]?.read())?.value ?? '\nended\n';
    };
    await readUntil(0, '"progress":0.25');
    await readUntil(1, '"progress":0.25');
    await happen({ type: 'progress', offset: 6, afterMs: 9, detail: { progress: 0.75, note: 'writing' } });
    await readUntil(0, '"progress":0.75');
    await happen({ type: 'done', offset: 6, afterMs: 12, detail: { result: '{"rows":7}' } });
    await readUntil(0, 'event: end');
    await readUntil(1, 'event: end');
    expect([...texts[0]?.matchAll(/^event: (\w+)$/gm) ?? []].map(([, type]) => type)).toEqual(['started', 'progress', 'progress', 'done', 'end']);
    expect(JSON.parse(/^event: end\ndata: (.*)$/m.exec(texts[1] ?? '')?.[1] ?? '')).toMatchObject({ result: { rows: 7 }, progress: 0.75, note: 'writing' });
    await noneOpen();
  });

  it('refuses more watchers than it may have, and has room again when they leave', async () => {
    const leave = new AbortController();
    const watching = [1, 2].map((offset) => fetch(`${base}/v1/jobs/job-${offset}/events`, { signal: leave.signal }));
    await Promise.all(watching);
    const refused = await open(3);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'TOO_MANY_STREAMS' });
    leave.abort();
    await noneOpen();
    await happen({ type: 'done', offset: 3 });
    expect((await open(3)).status).toBe(200);
    await noneOpen();
  });

  it('refuses more watchers also where all come at once, before any has been let in', async () => {
    const leave = new AbortController();
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${base}/v1/jobs/job-7/events`, { signal: leave.signal })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 503, 503, 503, 503, 503, 503]);
    expect(api.openStreams).toBe(2);
    leave.abort();
    await noneOpen();
  });

  it('keeps no stream of a client that left before it began', async () => {
    const { asked, go } = holdLookUp('job-7');
    const gone = new Promise<void>((resolve) => { api.app.server.once('connection', (served) => { served.once('close', () => { resolve(); }); }); });
    const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET /v1/jobs/job-7/events HTTP/1.1\r\nhost: x\r\n\r\n');
    await asked;
    socket.destroy();
    await gone;
    go();
    const watched = await open(7);
    expect(api.openStreams).toBe(1);
    await watched.body?.cancel();
    await noneOpen();
  });

  it('drops a client that does not read, and holds nothing for it', async () => {
    const { port } = api.app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /v1/jobs/job-4/events HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => api.openStreams > 0, 'the stream to open');
    // Some 8 MB in all, more than the sockets' own buffers hold.
    const note = 'n'.repeat(2000);
    for (let round = 0; round < 80 && api.openStreams > 0; round++) {
      await happen(...Array.from({ length: 50 }, (_, index): EventWish => ({ type: 'waiting', offset: 4, attempt: round * 50 + index, afterMs: round * 50 + index, detail: { reason: 'retry', dueMs: null, error: { code: 'E', message: note } } })));
      await new Promise((resolve) => { setTimeout(resolve, 30); });
    }
    await noneOpen();
    socket.destroy();
  });

  it('ends all streams when the service stops, and begins none for who asked before', async () => {
    const response = await open(5);
    const text = response.text();
    const { asked, go } = holdLookUp('job-8');
    const late = open(8);
    await asked;
    const closed = api.close();
    go();
    expect((await late).status).toBe(503);
    await closed;
    expect(await text).toContain('retry: 2000');
  });
});
