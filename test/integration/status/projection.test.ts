import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { createRegistry } from '../../../shared/avro/registry.ts';
import { openPostgres } from '../../../shared/database/postgres/openPostgres.ts';
import type { Database } from '../../../shared/database/port.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import type { JobView } from '../../../shared/status/jobView.ts';
import { createStatusProjection } from '../../../shared/status/statusProjection.ts';
import { nameEntities, openScene } from '../../guarantees/openScene.ts';
import type { Scene } from '../../guarantees/scene.ts';
import { openTestDatabase } from '../../postgres/createDatabase.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'services', 'status', 'main.ts');

/** A status service as a process of its own. */
interface StatusProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** Its log, line by line. */
  readonly lines: string[];
}

function spawnStatus(env: Record<string, string>, args: readonly string[] = []): StatusProcess {
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=source', MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', MILLRACE_HTTP_PORT: '0', MILLRACE_STATUS_PORT: '0', MILLRACE_START_JITTER: '0s', ...env }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => { lines.push(...text.split('\n')); });
  const ended = new Promise<number | null>((resolve) => { child.once('exit', resolve); });
  onTestFinished(() => { child.kill('SIGKILL'); });
  return { child, ended, lines };
}

const addressOf = ({ lines }: StatusProcess): string | null => /"address":"(http[^"]+)"/.exec(lines.find((line) => line.includes('"address"')) ?? '')?.[1] ?? null;

async function untilSettled(scene: Scene, database: Database): Promise<void> {
  const { queue } = scene.workload;
  await scene.until('the projection to have every job at its end', async () => {
    const { rows } = await database.query<{ open: number; all: number }>('select count(*) filter (where finished_ms is null) as open, count(*) as all from status_jobs where queue = $1', [queue]).catch(() => ({ rows: [] }));
    return rows[0]?.all === scene.accepted.length && rows[0].open === 0;
  }, 100_000);
}

/** All that the tables say, but for what differs by when it was read. */
async function dump(database: Database, queue: string): Promise<unknown[]> {
  const jobs = await database.query('select * from status_jobs where queue = $1 order by partition, place', [queue]);
  const counts = await database.query('select partition, kind, state, jobs from status_counts where queue = $1 and jobs <> 0 order by 1, 2, 3', [queue]);
  const minutes = await database.query('select * from status_minutes where queue = $1 order by partition, minute_ms, kind', [queue]);
  const pauses = await database.query('select * from status_pauses where queue = $1 order by partition, scope', [queue]);
  return [...jobs.rows, ...counts.rows, ...minutes.rows, ...pauses.rows];
}

/** A job that was sent back has ended twice: that all have ended does not tell that all is read. */
async function untilEqual(database: Database, queue: string, expected: readonly unknown[]): Promise<void> {
  await vi.waitFor(async () => { expect(await dump(database, queue)).toEqual(expected); }, { timeout: 60_000, interval: 100 });
}

describe('the projection on real Kafka', () => {
  it('equals what the topics say after retries, burials, and status services that were killed in the middle; and again when rebuilt, on either database', async () => {
    const test = await openTestDatabase('postgres', inject('databaseUrl'));
    onTestFinished(() => test.close());
    const scene = await openScene({ workload: { failing: { share: 0.3, upTo: 2 }, poisonShare: 0.1 } });
    const { queue } = scene.workload;
    const env = { KAFKA_BROKERS: inject('brokers'), SCHEMA_REGISTRY_URL: inject('registryUrl'), DATABASE_URL: test.url ?? '', MILLRACE_STATUS_QUEUES: queue };
    const entities = nameEntities(60);
    await scene.enqueue(entities, 3);
    const [first, second] = [spawnStatus(env), spawnStatus(env)];
    await scene.startWorker();
    await scene.untilDone(20);
    const count = async () => (await test.database.query<{ n: number }>('select count(*) as n from status_jobs where told').catch(() => ({ rows: [] }))).rows[0]?.n ?? 0;
    await scene.until('the projection to be in the middle', async () => await count() > 0);
    first.child.kill('SIGKILL');
    await scene.enqueue(entities, 3, 4);
    await scene.untilDone(200);
    second.child.kill('SIGKILL');
    await Promise.all([first.ended, second.ended]);
    const third = spawnStatus(env);
    await untilSettled(scene, test.database);

    // The witness wrote down what the handlers did, and so what must have become of each job.
    const { buried } = await scene.history();
    const dead = new Set(buried.map(({ id }) => id));
    const { rows } = await test.database.query<{ id: string; state: string; attempt: number }>('select id, state, attempt from status_jobs where queue = $1', [queue]);
    expect(new Map(rows.map(({ id, state }) => [id, state]))).toEqual(new Map(scene.accepted.map(({ id }) => [id, dead.has(id) ? 'dead' : 'done'])));
    const attempts = new Map<string, number>();
    for (const { type, id, attempt } of scene.lines) if (type === 'end') attempts.set(id, Math.max(attempts.get(id) ?? 0, attempt));
    expect(new Map(rows.map(({ id, attempt }) => [id, attempt]))).toEqual(attempts);

    // Asked over HTTP, and told to stop, it does both.
    await scene.until('the API to listen', () => addressOf(third) !== null);
    const one = scene.accepted[0];
    const shown = await (await fetch(`${addressOf(third)}/v1/jobs/${one?.id}`)).json() as JobView;
    expect(shown).toMatchObject({ id: one?.id, queue, at: `${queue}/${one?.partition}/${one?.offset}` });

    // Told to, it gives one dead job up, and sends another one back, which dies again; and both are so after a rebuild.
    const command = async (path: string, body: object): Promise<void> => {
      const { status } = await fetch(`${addressOf(third)}/v1/${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
      expect(status).toBe(202);
    };
    const [given = '', sent = ''] = [...dead];
    await command(`queues/${queue}/pause`, { key: 'nobody' });
    await command(`queues/${queue}/pause`, { kind: 'none' });
    await command(`queues/${queue}/resume`, { kind: 'none' });
    await command(`jobs/${given}/discard`, { reason: 'not worth it' });
    await command(`queues/${queue}/redrive`, { ids: [sent] });
    await scene.until('both commands to be carried out', async () => {
      const jobs = await Promise.all([given, sent].map(async (id) => await (await fetch(`${addressOf(third)}/v1/jobs/${id}/timeline`)).json() as { events: { type: string }[] }));
      const state = await (await fetch(`${addressOf(third)}/v1/jobs/${given}`)).json() as JobView;
      return state.note === 'not worth it' && jobs[1]?.events.filter(({ type }) => type === 'buried').length === 2;
    });
    const { pauses } = await (await fetch(`${addressOf(third)}/v1/queues/${queue}/pauses`)).json() as { pauses: { type: string; key?: string }[] };
    expect(pauses.map(({ type, key }) => ({ type, key }))).toEqual([{ type: 'key', key: 'nobody' }]);
    expect(await (await fetch(`${addressOf(third)}/v1/jobs/${sent}/dead`)).json()).toMatchObject({ job: { id: sent, state: 'dead' } });
    third.child.kill('SIGTERM');
    expect(await third.ended).toBe(0);

    const before = await dump(test.database, queue);
    const rebuilding = spawnStatus(env, ['--rebuild']);
    await scene.until('the rebuild to begin', () => rebuilding.lines.some((line) => line.includes('the tables are empty')));
    await untilEqual(test.database, queue, before);
    rebuilding.child.kill('SIGTERM');
    expect(await rebuilding.ended).toBe(0);

    const embedded = await openTestDatabase('pglite', '');
    onTestFinished(() => embedded.close());
    const projection = createStatusProjection({
      broker: scene.broker, admin: scene.admin, registry: createRegistry({ url: inject('registryUrl') }), database: embedded.database, clock: systemClock,
      observer: { applied: () => undefined, trouble: () => undefined }, queues: [queue], discoverEveryMs: 60_000, retentionMs: 86_400_000, maxPayloadBytes: 16_384,
    });
    await projection.start();
    await untilEqual(embedded.database, queue, before);
    await projection.stop();
  });

  it('goes on when the server of the database was away, and misses nothing', async () => {
    const test = await openTestDatabase('postgres', inject('databaseUrl'));
    onTestFinished(() => test.close());
    const scene = await openScene();
    const { queue } = scene.workload;
    await scene.enqueue(nameEntities(20), 2);
    const database = openPostgres({ url: test.url ?? '', applicationName: 'victim' });
    onTestFinished(() => database.close());
    const projection = createStatusProjection({
      broker: scene.broker, admin: scene.admin, registry: createRegistry({ url: inject('registryUrl') }), database, clock: systemClock,
      observer: { applied: () => undefined, trouble: () => undefined }, queues: [queue], discoverEveryMs: 60_000, retentionMs: 86_400_000, maxPayloadBytes: 0,
    });
    await projection.start();
    await scene.startWorker();
    for (let round = 3; round < 8; round++) {
      await test.database.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', ['victim']);
      await scene.enqueue(nameEntities(20), 1, round);
    }
    await untilSettled(scene, test.database);
    await projection.stop();
    expect((await test.database.query('select state, count(*) as jobs from status_jobs where payload is null group by state')).rows).toEqual([{ state: 'done', jobs: scene.accepted.length }]);
  });
});
