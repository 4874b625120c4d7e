import { createRegistry } from '../../shared/avro/registry.ts';
import type { Database } from '../../shared/database/port.ts';
import { openPostgres } from '../../shared/database/postgres/openPostgres.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { readAllPositions } from '../../shared/status/positions.ts';
import { streams } from '../../shared/status/readFacts.ts';
import { createStatusProjection } from '../../shared/status/statusProjection.ts';
import type { Scene } from '../guarantees/scene.ts';
import { createDatabase } from '../postgres/createDatabase.ts';
import { helperOf, type Tour } from './leg.ts';
import { statusProgram } from './plays/playStatus.ts';

const NEVER_MS = 2 ** 31 - 1;
const PAYLOAD_BYTES = 16_384;
const SHOWN = 5;
/** What the projection writes; left out is when it was begun (`since_ms`), and kinds of which there is no job any more. */
const tables: Readonly<Record<string, string>> = {
  job: 'select * from status_jobs where queue = $1 order by partition, place',
  count: 'select partition, kind, state, jobs from status_counts where queue = $1 and jobs <> 0 order by 1, 2, 3',
  minute: 'select * from status_minutes where queue = $1 order by partition, minute_ms, kind',
  owner: 'select * from status_owners where queue = $1 order by partition',
  pause: 'select * from status_pauses where queue = $1 order by partition, scope',
  position: 'select partition, stream, next_offset, epoch, at_ms from status_positions where queue = $1 order by 1, 2',
};

/**
 * The tables after all deaths equal those of one projection that read everything in one go: each record counted once, whoever died between which two
 * statements. And whoever has a receipt finds its job.
 */
export async function judgeTables(tour: Tour): Promise<void> {
  const { scene, registryUrl, databaseUrl } = tour;
  const { queue } = scene.workload;
  const last = helperOf(tour, 'status', statusProgram(tour));
  await scene.until('the last status service to answer', () => last.address !== null);
  await Promise.all(scene.accepted.map(async ({ id, entity, sequence }) => {
    for (let status = 503; status === 503;) {
      status = (await fetch(`${last.address}/v1/jobs/${id}`)).status;
      if (status === 404) tour.violations.push(`${entity}#${sequence} was accepted, and the status answers 404`);
    }
  }));
  const [lived, fresh] = [openPostgres({ url: databaseUrl ?? '' }), await createDatabase(databaseUrl ?? '')];
  const database = openPostgres({ url: fresh.url });
  const rebuild = createStatusProjection({
    broker: scene.broker, admin: scene.admin, registry: createRegistry({ url: registryUrl }), database, clock: systemClock, observer: { applied: () => undefined, trouble: () => undefined },
    queues: [queue], discoverEveryMs: NEVER_MS, retentionMs: NEVER_MS, maxPayloadBytes: PAYLOAD_BYTES, group: 'millrace.rebuild',
  });
  try {
    await rebuild.start();
    await scene.until('the tables to have everything', () => hasAll(scene, lived));
    await scene.until('the rebuilt tables to have everything', () => hasAll(scene, database));
    tour.violations.push(...await compare(lived, database, queue));
  } finally {
    await rebuild.stop();
    await Promise.all([lived.close(), database.close()]);
    await fresh.drop();
  }
}

async function hasAll({ admin, workload: { queue } }: Scene, database: Database): Promise<boolean> {
  const names = queueTopicNames(queue);
  const positions = new Map((await readAllPositions(database, queue)).map(({ stream, partition, nextOffset }) => [`${stream}/${partition}`, nextOffset]));
  for (const stream of streams) {
    for (const { partition, startOffset, endOffset } of await admin.logBounds(names[stream])) {
      if (endOffset > startOffset && (positions.get(`${stream}/${partition}`) ?? -1) < endOffset) return false;
    }
  }
  return true;
}

async function compare(lived: Database, rebuilt: Database, queue: string): Promise<string[]> {
  const violations: string[] = [];
  for (const [name, sql] of Object.entries(tables)) {
    const [got, expected] = await Promise.all([lived, rebuilt].map(async (one) => (await one.query(sql, [queue])).rows.map((row) => JSON.stringify(row))));
    const [right, wrong] = [new Set(expected), got?.filter((row) => expected?.includes(row) !== true) ?? []];
    for (const row of got ?? []) right.delete(row);
    violations.push(...wrong.slice(0, SHOWN).map((row) => `tables: a ${name} that a rebuild does not have: ${row}`));
    violations.push(...[...right].slice(0, SHOWN).map((row) => `tables: a ${name} of a rebuild that is missing: ${row}`));
  }
  return violations;
}
