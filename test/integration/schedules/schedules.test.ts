import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createLogger, createMillrace, defineJob, type JobContext, type Millrace } from 'millrace';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { uniqueName } from '../../topicNames.ts';
import { jobV1, sampleJob } from '../../unit/worker/sampleJob.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'services', 'scheduler', 'main.ts');

function open(schedulesTopic: string): Millrace {
  const logger = createLogger({ level: 'silent', service: 'test', clock: systemClock });
  const millrace = createMillrace({ brokers: inject('brokers'), registryUrl: inject('registryUrl'), schedulesTopic, logger, topics: { partitions: 2, replicationFactor: 1 } });
  onTestFinished(() => millrace.close());
  return millrace;
}

/** A scheduler as a process of its own. */
interface SchedulerProcess {
  readonly child: ChildProcess;
  /** It says that it is the active one. */
  readonly active: Promise<void>;
  readonly ended: Promise<unknown>;
  readonly log: string[];
}

function spawnScheduler(topic: string): SchedulerProcess {
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=source', MAIN], {
    env: {
      PATH: process.env['PATH'] ?? '', KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), MILLRACE_SCHEDULES_TOPIC: topic,
      MILLRACE_HTTP_PORT: '0', MILLRACE_SCHEDULER_PORT: '0', MILLRACE_START_JITTER: '0s',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const active = Promise.withResolvers<void>();
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => {
    log.push(text);
    if (text.includes('this scheduler is active')) active.resolve();
  });
  const ended = new Promise((resolve) => { child.once('exit', resolve); });
  onTestFinished(() => { child.kill('SIGKILL'); });
  return { child, active: active.promise, ended, log };
}

/** Asks until it is so. */
async function until<T>(ask: () => T | Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

const tickOf = (id: string): number => Date.parse(id.slice(id.indexOf('@') + 1));

describe('schedules on real Kafka', () => {
  it('run every tick once, within a second of its time: two schedulers at once, the active one killed, both gone for a while', async () => {
    const topic = uniqueName('schedules');
    const millrace = open(topic);
    const ran: { readonly tickMs: number; readonly lateMs: number }[] = [];
    const job = defineJob({
      kind: 'tick', queue: uniqueName('ticks'), schema: jobV1, key: null, order: 'none',
      handle(_payload: JobV1, { id }: JobContext) { ran.push({ tickMs: tickOf(id), lateMs: Date.now() - tickOf(id) }); },
    });
    await millrace.work([job]);
    await millrace.schedules.put({ name: 'second', every: '1s', job, payload: sampleJob(1), overlap: 'allow-all' });
    const putMs = Date.now();

    const first = spawnScheduler(topic);
    await first.active;
    const second = spawnScheduler(topic);
    await until(() => ran.length, (count) => count > 3);
    const steady = ran.slice(-3).map(({ lateMs }) => lateMs);
    first.child.kill('SIGKILL');
    await second.active;
    const takenOver = ran.length;
    await until(() => ran.length, (count) => count > takenOver + 1);
    const [, address = ''] = await until(() => /"address":"(http[^"]+)"/.exec(second.log.join('')) ?? [], (found) => found.length > 0);
    expect(await (await fetch(`${address}/v1/schedules`)).json()).toMatchObject({ schedules: [{ name: 'second', counts: { missed: 0 } }] });
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    const third = spawnScheduler(topic);
    await third.active;
    const restarted = ran.length;
    await until(() => ran.length, (count) => count > restarted + 1);
    third.child.kill('SIGTERM');
    expect(await third.ended).toBe(0);
    const { counts } = await millrace.schedules.get('second') ?? {};
    await until(() => ran.length, (count) => count >= (counts?.started ?? 0));

    const ticks = ran.map(({ tickMs }) => tickMs).sort((a, b) => a - b);
    const [start = 0] = ticks;
    expect(start - putMs).toBeLessThan(1000);
    expect(ticks).toEqual(ticks.map((_, index) => start + index * 1000));
    expect(counts).toMatchObject({ started: ticks.length, ticked: ticks.length, missed: 0, skipped: 0 });
    expect(Math.min(...steady)).toBeLessThan(1000);
  });

  it('do at a tick what their overlap policy says, by the ends of their runs', async () => {
    const topic = uniqueName('schedules');
    const millrace = open(topic);
    const { schedules } = millrace;
    interface Run { readonly tickMs: number; readonly signal: AbortSignal; over: boolean; readonly release: () => void }
    const runs = new Map<string, Run[]>();
    const job = defineJob({
      kind: 'hold', queue: uniqueName('holds'), schema: jobV1, key: null, order: 'none', timeout: '10m',
      async handle(_payload: JobV1, ctx: JobContext) {
        const [name = ''] = ctx.id.split('@');
        const released = Promise.withResolvers<void>();
        const run: Run = { tickMs: tickOf(ctx.id), signal: ctx.signal, over: false, release: released.resolve };
        runs.set(name, [...runs.get(name) ?? [], run]);
        // Only one of the policies is about handlers that do not heed.
        if (name === 'cancel-other') ctx.signal.addEventListener('abort', () => { released.resolve(); });
        await released.promise;
        run.over = true;
        ctx.signal.throwIfAborted();
      },
    });
    await millrace.work([job], { abortGraceMs: 600_000 });
    const scheduler = await millrace.runScheduler();
    const policies = ['skip', 'buffer-one', 'buffer-all', 'allow-all', 'cancel-other', 'terminate-other'] as const;
    for (const overlap of policies) await schedules.put({ name: overlap, every: '1s', job, payload: sampleJob(1), overlap });
    const runsOf = (name: (typeof policies)[number]): Run[] => runs.get(name) ?? [];
    const nth = async (name: (typeof policies)[number], index: number): Promise<Run> => (await until(() => runsOf(name), (all) => all.length > index))[index] as Run;

    const views = await until(async () => new Map((await schedules.list()).map((view) => [view.name, view])), (all) => (
      (all.get('skip')?.counts.skipped ?? 0) > 1 && (all.get('buffer-one')?.counts.skipped ?? 0) > 0 && (all.get('buffer-all')?.bufferedCount ?? 0) > 1
    ));
    expect((['skip', 'buffer-one', 'buffer-all'] as const).map((name) => runsOf(name).length)).toEqual([1, 1, 1]);
    expect(views.get('buffer-one')?.bufferedCount).toBe(1);

    const skipping = await nth('skip', 0);
    skipping.release();
    expect((await nth('skip', 1)).tickMs).toBeGreaterThanOrEqual(skipping.tickMs + 3000);

    for (const name of ['buffer-one', 'buffer-all'] as const) {
      const { tickMs, release } = await nth(name, 0);
      release();
      expect((await nth(name, 1)).tickMs, name).toBe(tickMs + 1000);
    }
    (await nth('buffer-all', 1)).release();
    expect((await nth('buffer-all', 2)).tickMs).toBe((await nth('buffer-all', 1)).tickMs + 1000);

    await nth('allow-all', 1);
    expect(runsOf('allow-all').map(({ signal, over }) => [signal.aborted, over]).slice(0, 2)).toEqual([[false, false], [false, false]]);

    await nth('cancel-other', 1);
    const [cancelled] = runsOf('cancel-other');
    expect([cancelled?.over, (cancelled?.signal.reason as { code?: string }).code]).toEqual([true, 'CANCELLED']);
    expect(runsOf('cancel-other').filter(({ over }) => !over).length).toBeLessThan(2);

    const terminated = await nth('terminate-other', 0);
    await until(() => runsOf('terminate-other').filter(({ signal }) => signal.aborted), (aborted) => aborted.length > 0);
    await nth('terminate-other', 1);
    expect(terminated.over).toBe(false);

    await scheduler.stop();
    for (const run of [...runs.values()].flat()) run.release();
  });
});
