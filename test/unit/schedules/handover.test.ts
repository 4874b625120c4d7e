import { describe, expect, it, onTestFinished } from 'vitest';
import { createMillrace, defineJob, type Millrace, type OverlapPolicy } from 'millrace';
import { createMemoryCluster, createMemoryRegistry, createVirtualClock, hold, loseAck, refuse, seededRandom, times, when } from 'millrace/testing';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { SCHEDULES_TOPIC } from '../../../shared/schedules/scheduleTopic.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

/** A Kafka, a worker, and schedulers as processes of their own. */
async function openStage(overlap: OverlapPolicy = 'skip', tookMs = 10) {
  const clock = createVirtualClock(START);
  const cluster = createMemoryCluster({ clock, random: seededRandom(1) });
  const registry = createMemoryRegistry();
  const logger = createLogger({ level: 'silent', service: 'test', clock });
  const process = (seed: number) => {
    const broker = cluster.broker();
    const millrace = createMillrace({ brokers: [], registryUrl: '', broker, registry, clock, random: seededRandom(seed), topics: { partitions: 1, replicationFactor: 1 }, logger });
    return { broker, millrace };
  };
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    const watched = promise.finally(() => { over = true; });
    watched.catch(() => undefined);
    await clock.runUntil(() => over, { maxMs: 600_000 });
    return watched;
  };
  const ran: string[] = [];
  const job = defineJob({
    kind: 'tick', queue: 'ticks', schema: jobV1, key: null, order: 'none', timeout: '10h',
    async handle(_payload, { id }) {
      ran.push(id);
      await new Promise<void>((resolve) => { clock.after(tookMs, resolve); });
    },
  });
  const { millrace } = process(1);
  await settle(millrace.work([job]));
  await settle(millrace.schedules.put({ name: 's', every: '1h', job, payload: sampleJob(1), overlap }));
  onTestFinished(async () => { await settle(millrace.close()); });
  /** Of what stands in the log of schedules, the last record of the schedule's state. */
  const lastState = () => cluster.inspect.records(SCHEDULES_TOPIC, 0).findLast(({ key }) => key?.toString() === '\u0000state/s');
  const epochOf = (record: ReturnType<typeof lastState>): number => Number(String(record?.headers?.['mr_epoch']));
  return { clock, cluster, process, settle, ran, millrace, job, lastState, epochOf, run: (one: Millrace) => settle(one.runScheduler({ sessionTimeoutMs: 6000 })) };
}

const tick = (hour: number): string => `s@2026-01-01T0${hour}:00:00.000Z`;

describe('a handover between schedulers', () => {
  it('enqueues nothing that is not written down', async () => {
    const { clock, cluster, process, ran, run } = await openStage();
    await run(process(2).millrace);
    await clock.advanceTo(START + HOUR - 1000);
    const heal = cluster.faults.onProduce(when({ topic: SCHEDULES_TOPIC }, refuse('BROKER_UNAVAILABLE')));
    await clock.advanceTo(START + HOUR + 60_000);
    expect(ran).toEqual([]);
    heal();
    await clock.advance(2000);
    expect(ran).toEqual([tick(1)]);
  });

  it('sends at once what the one before had decided on and could not send any more', async () => {
    const { clock, cluster, process, ran, run } = await openStage();
    const one = process(2);
    await run(one.millrace);
    const heal = cluster.faults.onProduce(when({ topic: 'ticks' }, refuse('BROKER_UNAVAILABLE')));
    await clock.advanceTo(START + HOUR + 1000);
    cluster.faults.kill(one.broker);
    heal();
    await run(process(3).millrace);
    await clock.advance(20_000);
    expect(ran).toEqual([tick(1)]);
  });

  it('runs a tick once that the one before had sent without learning it', async () => {
    const { clock, cluster, process, ran, run } = await openStage();
    const one = process(2);
    await run(one.millrace);
    cluster.faults.onProduce(times(1, when({ topic: 'ticks' }, loseAck(0))));
    const cut = cluster.faults.onProduce((request) => (request.topic === SCHEDULES_TOPIC && clock.now() > START + HOUR + 200 ? refuse('BROKER_UNAVAILABLE') : undefined));
    await clock.advanceTo(START + HOUR + 1000);
    cluster.faults.kill(one.broker);
    cut();
    await run(process(3).millrace);
    await clock.advanceTo(START + HOUR + 60_000);
    expect(cluster.inspect.records('ticks', 0).length).toBeGreaterThan(1);
    expect(ran).toEqual([tick(1)]);
  });

  it('knows a run still under way, and starts what waits for it when it has ended', async () => {
    const { clock, cluster, process, ran, run, millrace, settle } = await openStage('buffer-one', HOUR + 600_000);
    const one = process(2);
    await run(one.millrace);
    await clock.advanceTo(START + HOUR + 1000);
    expect(ran).toEqual([tick(1)]);
    cluster.faults.kill(one.broker);
    await run(process(3).millrace);
    await clock.advanceTo(START + 2 * HOUR + 1000);
    expect(ran).toEqual([tick(1)]);
    expect(await settle(millrace.schedules.get('s'))).toMatchObject({ running: [{ jobId: tick(1) }], bufferedCount: 1 });
    await clock.advanceTo(START + 2 * HOUR + 602_000);
    expect(ran).toEqual([tick(1), tick(2)]);
  });

  it('counts a run as over whose end was deleted before anybody read it', async () => {
    const { clock, cluster, process, run, millrace, settle } = await openStage('skip', 60_000);
    const one = process(2);
    await run(one.millrace);
    await clock.advanceTo(START + HOUR + 1000);
    cluster.faults.kill(one.broker);
    await clock.advanceTo(START + HOUR + 120_000);
    cluster.inspect.deleteRecords('ticks.events', 0, cluster.inspect.bounds('ticks.events', 0).endOffset);
    await run(process(3).millrace);
    await clock.advance(30_000);
    expect(await settle(millrace.schedules.get('s'))).toMatchObject({ running: [], recent: [{ jobId: tick(1), end: 'unknown' }] });
  });

  it('answers what one writes late that was replaced: compaction keeps the truth', async () => {
    const { clock, cluster, process, ran, run, millrace, settle, lastState, epochOf } = await openStage();
    const one = process(2);
    await run(one.millrace);
    await clock.advance(5000);
    const before = epochOf(lastState());
    await clock.advanceTo(START + HOUR - 1000);
    cluster.faults.onProduce(times(1, when({ topic: SCHEDULES_TOPIC, clientId: 'millrace-scheduler' }, hold(HOUR / 2))));
    await clock.advanceTo(START + HOUR + 1000);
    cluster.faults.kill(one.broker);
    await run(process(3).millrace);
    await clock.advanceTo(START + HOUR + 60_000);
    expect(ran).toEqual([tick(1)]);
    await clock.advanceTo(START + HOUR + HOUR / 2 + 60_000);
    expect(epochOf(lastState())).toBeGreaterThan(before);
    const late = lastState()?.offset ?? 0;
    await clock.advance(1.5 * HOUR);
    cluster.inspect.compact(SCHEDULES_TOPIC);
    expect(cluster.inspect.records(SCHEDULES_TOPIC, 0).filter(({ key, offset }) => key?.toString() === '\u0000state/s' && offset < late)).toEqual([]);
    expect((await settle(millrace.schedules.get('s')))?.counts).toMatchObject({ missed: 0, started: 3 });
    expect(ran).toEqual([tick(1), tick(2), tick(3)]);
  });

  it('takes over from a log in which compaction left one lease of many, and one state, and none of a zombie that it overruled', async () => {
    const { clock, cluster, process, ran, run, epochOf, lastState } = await openStage('buffer-all');
    const leases = () => cluster.inspect.records(SCHEDULES_TOPIC, 0).filter(({ key }) => key?.toString() === '\u0000lease').map(({ offset }) => offset);
    for (let hour = 1; hour <= 4; hour++) {
      const one = process(hour + 1);
      await run(one.millrace);
      // What it writes last arrives when the next one rules.
      await clock.advanceTo(START + hour * HOUR - 1000);
      cluster.faults.onProduce(times(1, when({ topic: SCHEDULES_TOPIC, clientId: 'millrace-scheduler' }, hold(HOUR / 4))));
      await clock.advanceTo(START + hour * HOUR + 1000);
      cluster.faults.kill(one.broker);
      await clock.advance(60_000);
    }
    const last = process(9);
    await run(last.millrace);
    await clock.advanceTo(START + 4.5 * HOUR);
    expect(leases().length).toBeGreaterThanOrEqual(5);
    cluster.faults.kill(last.broker);
    await clock.advance(2 * HOUR);
    cluster.inspect.compact(SCHEDULES_TOPIC);
    expect(leases()).toHaveLength(1);
    expect(cluster.inspect.records(SCHEDULES_TOPIC, 0).filter(({ key }) => key?.toString() === '\u0000state/s')).toHaveLength(1);
    const before = epochOf(lastState());
    expect(before).toBe(leases()[0]);
    await run(process(10).millrace);
    await clock.advanceTo(START + 7.5 * HOUR);
    expect(epochOf(lastState())).toBeGreaterThan(before);
    expect(ran).toEqual([1, 2, 3, 4, 5, 6, 7].map(tick));
  });

  it('does not rule while the group refuses its commit', async () => {
    const { clock, cluster, process, ran, run } = await openStage();
    cluster.faults.onCommit(when({ group: SCHEDULES_TOPIC }, refuse('BROKER_FENCED')));
    const scheduler = await run(process(2).millrace);
    await clock.advanceTo(START + 2 * HOUR);
    expect([scheduler.active, ran]).toEqual([false, []]);
  });

  it('takes a lease that arrived twice for one', async () => {
    const { clock, cluster, process, ran, run } = await openStage();
    cluster.faults.onProduce((request) => (request.records.some(({ key }) => key === '\u0000lease') ? { type: 'duplicate', afterMs: 1000 } : undefined));
    await run(process(2).millrace);
    await clock.advanceTo(START + 3 * HOUR + 1000);
    expect(ran).toEqual([tick(1), tick(2), tick(3)]);
  });
});

describe('the scheduler, beside its ticks,', () => {
  it('lets a schedule wait whose queue has no topics, and catches up when it has', async () => {
    const { clock, cluster, process, ran, run, job, millrace, settle } = await openStage();
    await settle(millrace.schedules.put({ name: 'early', every: '1h', job: { ...job, queue: 'later' }, payload: sampleJob(1) }));
    for (const name of ['later', 'later.retry', 'later.dlq', 'later.events']) cluster.inspect.deleteTopic(name);
    await run(process(2).millrace);
    await clock.advanceTo(START + HOUR + 60_000);
    expect(ran).toEqual([tick(1)]);
    for (const name of ['later', 'later.retry', 'later.dlq', 'later.events']) cluster.inspect.createTopic({ name, partitions: 1 });
    await clock.advance(60_000);
    expect(cluster.inspect.records('later', 0).map(({ headers }) => String(headers?.['ce_id'] as Buffer))).toEqual(['early@2026-01-01T01:00:00.000Z']);
  });

  it('makes up for ticks since the first put when the same is put again before any scheduler has seen it', async () => {
    const { clock, process, settle, ran, run, millrace, job } = await openStage('allow-all');
    await clock.advanceTo(START + 1.5 * HOUR);
    await settle(millrace.schedules.put({ name: 's', every: '1h', job, payload: sampleJob(2), overlap: 'allow-all' }));
    expect((await settle(millrace.schedules.get('s')))?.putAt).toEqual(new Date(START + 1.5 * HOUR));
    await clock.advanceTo(START + 2.5 * HOUR);
    await run(process(2).millrace);
    await clock.advance(2000);
    expect(ran.sort()).toEqual([tick(1), tick(2)]);
    await settle(millrace.schedules.put({ name: 's', every: '1h', offset: '1m', job, payload: sampleJob(2), overlap: 'allow-all' }));
    await clock.advance(2000);
    expect(ran).toHaveLength(2);
  });

  it('forgets a schedule that was removed, pause and all, before one of its name comes', async () => {
    const { clock, process, ran, run, job, millrace, settle } = await openStage();
    await run(process(2).millrace);
    await settle(millrace.schedules.pause('s'));
    await settle(millrace.schedules.remove('s'));
    await settle(millrace.schedules.put({ name: 's', every: '1h', job, payload: sampleJob(1) }));
    expect((await settle(millrace.schedules.get('s')))?.paused).toBeNull();
    await clock.advanceTo(START + HOUR + 1000);
    expect(ran).toEqual([tick(1)]);
  });

  it('leaves alone what it cannot read', async () => {
    const { clock, cluster, process, ran, run, millrace, settle } = await openStage();
    cluster.inspect.append(SCHEDULES_TOPIC, 0, [
      { key: 'bad', value: Buffer.from('{') }, { key: 'newer', value: Buffer.from('{"kind":"k","overlap":"wait-for-the-moon"}') }, { key: null, value: null },
      { key: '\u0000state/s', value: Buffer.from('nonsense') }, { key: '\u0000command/s/1', value: Buffer.from('[]') }, { key: '\u0000command/', value: null }, { key: '\u0000other', value: Buffer.from('x') },
      { key: 'poison', value: Buffer.from(JSON.stringify({ kind: 'k', queue: 'ticks', key: null, value: '', cron: null, timezone: 'UTC', everyMs: 9e15, offsetMs: 0, startMs: null, endMs: null, overlap: 'skip', catchUpMs: 1, jitterMs: 1, limit: null, note: null, putMs: 0 })) },
      { key: '\u0000state/s', value: Buffer.from('nonsense'), headers: { mr_epoch: 'x', mr_seq: '1' } },
    ]);
    await run(process(2).millrace);
    await clock.advanceTo(START + HOUR + 1000);
    expect(ran).toEqual([tick(1)]);
    expect((await settle(millrace.schedules.list())).map(({ name }) => name)).toEqual(['s']);
  });
});
