import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seenByFencedSink } from '../guarantees/executions.ts';
import type { History } from '../guarantees/history.ts';
import { everyPromise } from '../guarantees/promises/everyPromise.ts';
import { risingFence } from '../guarantees/promises/risingFence.ts';
import { findViolations } from '../guarantees/promises/guarantee.ts';
import { Scene } from '../guarantees/scene.ts';
import { createDatabase } from '../postgres/createDatabase.ts';
import { queueTopicNames } from '../../shared/kafka/topics.ts';
import { largePayloadsIn, mixedPayload } from './claims.ts';
import type { Armed } from './failpoint.ts';
import { FLUSH_WINDOW_MS, Leg, type Tour } from './leg.ts';
import { settledStaysSettled } from './settledStaysSettled.ts';
import type { Stage } from './stages.ts';
import { startSurvivor } from './startSurvivor.ts';
import { tellSandboxDeaths } from './tellSandboxDeaths.ts';

export interface TourOptions {
  readonly brokers: string;
  readonly registryUrl: string;
  /** A PostgreSQL server on which databases may be created; null: no stage that wants one is played. */
  readonly databaseUrl: string | null;
  readonly codeFile: string;
  readonly stage: Stage;
  /** One leg each; what a leg is armed with, one process after the other. Empty: nothing, and visits are recorded. */
  readonly legs: readonly (readonly Armed[])[];
}

export interface LegReport {
  readonly armed: readonly Armed[];
  /** For each armed: did it die there? */
  readonly died: readonly boolean[];
  readonly ms: number;
}

export interface TourReport {
  readonly stage: string;
  readonly legs: readonly LegReport[];
  /** Those that a promise names, and legs that came to no end; with the points of the leg concerned. */
  readonly violations: readonly { readonly text: string; readonly armed: readonly Armed[] }[];
  readonly expulsions: number;
  /** `phase point` and how often, of an unarmed tour. */
  readonly visits: ReadonlyMap<string, number>;
  /** The sources that it loaded, from the repository's root. */
  readonly files: ReadonlySet<string>;
}

const ROOT = new URL('../../', import.meta.url).href;

/** Plays legs one after the other on one queue, brings it to rest, and holds what the witness saw to the promises. */
export async function playTour({ brokers, registryUrl, databaseUrl, codeFile, stage, legs }: TourOptions): Promise<TourReport> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-failpoints-'));
  const database = stage.needsDatabase === true ? await createDatabase(databaseUrl ?? '') : null;
  const scene = await Scene.open({ brokers, registryUrl, workload: stage.workload, ...(stage.hasClaims === true ? { largePayloads: largePayloadsIn(folder), payloadOf: mixedPayload } : {}) });
  const tour: Tour = { scene, brokers, registryUrl, databaseUrl: database?.url ?? null, codeFile, folder, helpers: new Map(), survivor: null, closers: [], startSurvivor: (workerId) => startSurvivor(tour, workerId, stage.survivor), cuts: [], sandboxDeaths: [], violations: [], expulsions: 0 };
  const reports: LegReport[] = [];
  const visits = new Map<string, number>();
  const files = new Set<string>();
  const played: Leg[] = [];
  try {
    await stage.prepare?.(tour);
    if (stage.hasSurvivor) {
      await scene.enqueue(['warm-up'], 1);
      tour.survivor = await tour.startSurvivor('survivor');
    }
    for (const [index, armed] of legs.entries()) {
      const leg = new Leg(tour, `leg${index}`, armed.length === 0);
      played.push(leg);
      const startedMs = performance.now();
      await stage.play(leg, armed);
      for (const seen of leg.visited()) {
        for (const [visit, count] of seen.visits) visits.set(visit, (visits.get(visit) ?? 0) + count);
        for (const url of seen.files) if (url.startsWith(ROOT)) files.add(url.slice(ROOT.length));
      }
      const dead = new Set(leg.victims.filter(({ death }) => death !== null).map(({ arming }) => arming.armed));
      reports.push({ armed, died: armed.map((one) => dead.has(one)), ms: performance.now() - startedMs });
    }
    await comeToRest(tour);
    await stage.atRest?.(tour);
    const history = await scene.history();
    tour.violations.push(...judge(stage, { ...tellSandboxDeaths(history, tour.sandboxDeaths), cuts: tour.cuts, flushWindowMs: FLUSH_WINDOW_MS }));
  } catch (error) {
    tour.violations.push(`leg${played.length - 1}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
  } finally {
    const alive = [...played.flatMap(({ victims }) => victims), ...tour.helpers.values()].filter((one) => one.alive);
    for (const one of alive) one.signal('SIGKILL');
    await Promise.all(alive.map((one) => one.ended));
    await Promise.all(tour.closers.map((close) => close()));
    await scene.close();
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  }
  const violations = tour.violations.map((text) => {
    const index = /leg(\d+)/.exec(text)?.[1];
    return { text, armed: index === undefined ? legs.flat() : legs[Number(index)] ?? [] };
  });
  return { stage: stage.name, legs: reports, violations, expulsions: tour.expulsions, visits, files };
}

/** Everything is committed and buried; whoever opens the queue next finds nothing that waits. */
async function comeToRest({ scene, survivor, violations }: Tour): Promise<void> {
  const { queue, attempts } = scene.workload;
  await scene.untilCommitted();
  const buried = new Set(scene.lines.filter(({ outcome, attempt }) => outcome === 'dead' || (outcome === 'retry' && attempt >= attempts)).map(({ id }) => id)).size;
  await scene.until('the dead letters to be there', async () => (await scene.admin.logBounds(queueTopicNames(queue).dlq)).reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0) >= buried);
  await survivor?.stop();
  const heir = await scene.startWorker({ workerId: 'heir' });
  await scene.until('the heir to open all partitions', () => new Set(heir.all('active').map(({ partition }) => partition)).size === scene.partitions);
  const waiting = heir.all('active').reduce((sum, one) => sum + one.waiting, 0);
  if (waiting > 0) violations.push(`at rest: ${waiting} jobs wait that are done`);
  await scene.stop(heir);
}

function judge({ name, promises: own }: Stage, history: History): string[] {
  // What was discarded has left its lane for good; that none overtook it before is what the play waits for.
  if (name === 'discard') return findViolations({ held: everyPromise, givenUp: [] }, { ...history, policy: { ...history.policy, whenBuried: 'continue' } });
  // A zombie that wakes in an attempt ends it: a sink tells it by its fence, and judges without it.
  if (name === 'frozen' || name === 'stranger' || name === 'dark-run') return [...risingFence.check(history), ...findViolations({ held: everyPromise, givenUp: [] }, { ...history, lines: seenByFencedSink(history.lines) })];
  const promises = own !== undefined ? own : name === 'redrive' || name === 'edit' || name === 'dark-redrive' ? everyPromise : [...everyPromise, settledStaysSettled];
  return findViolations({ held: promises, givenUp: [] }, history);
}
