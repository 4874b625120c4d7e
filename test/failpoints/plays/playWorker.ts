import type { WorkerParameters } from '../../guarantees/process/workerParameters.ts';
import type { ArmedProcess, Program } from '../armedProcess.ts';
import type { Arming } from '../arming.ts';
import type { Armed } from '../failpoint.ts';
import type { Leg, Tour } from '../leg.ts';

export interface WorkerPlay {
  /** It is a member before the survivor is, and leads the group. */
  readonly first?: boolean;
  /** It is services/worker. */
  readonly service?: boolean;
  /** Arguments of the worker program. */
  readonly flags?: readonly string[];
  /** Jobs come when it owns a partition, so that it gets some however fast the survivor is. */
  readonly untilActive?: boolean;
  /** It is this program. */
  readonly program?: (tour: Tour) => Program;
  readonly parameters?: Partial<WorkerParameters>;
  readonly trouble?: Partial<Arming>;
  /** Called before it starts, when the survivor is there. */
  readonly prepare?: (leg: Leg) => Promise<void>;
  /** Called instead of `leg.enqueue()`. */
  readonly enqueue?: (leg: Leg) => Promise<void>;
  /** Called when all of them are gone. */
  readonly finish?: (leg: Leg) => Promise<void>;
  /** Called when the jobs are there and it runs some. */
  readonly disturb?: (leg: Leg, victim: ArmedProcess) => Promise<void>;
}

/** Longer than one try to reach Kafka takes; a worker tries again for ever. */
const DARK_MS = 12_000;

/**
 * Armed workers, one after the other: each joins, gets jobs, and dies where it is to. The one that comes next finds the group as the death left it. A
 * worker whose point is not in its stop is asked to stop when all is done, and must come through.
 */
export async function playWorker(leg: Leg, armed: readonly Armed[], play: WorkerPlay): Promise<void> {
  const { scene, tour } = leg;
  for (const one of armed.length === 0 ? [null] : armed) {
    if (play.first === true && tour.survivor !== null) {
      await tour.survivor.stop();
      tour.survivor = null;
    }
    await play.prepare?.(leg);
    const victim = play.service === true ? spawnService(leg, one, play.trouble) : leg.spawn(play.program?.(tour) ?? workerProgram(play.flags ?? []), one, play.trouble, play.parameters);
    const startedMs = performance.now();
    const isLost = (): boolean => play.trouble?.darkFrom === 'start' && performance.now() - startedMs > DARK_MS;
    await scene.until(`${victim.name} to be ready or gone`, () => victim.ready || !victim.alive || isLost());
    tour.survivor ??= await tour.startSurvivor(`${leg.name}-s${leg.victims.length}`);
    if (play.untilActive === true) await scene.until(`${victim.name} to own a partition`, () => !victim.alive || victim.lines.some((line) => line.startsWith('active')));
    await (play.enqueue?.(leg) ?? leg.enqueue());
    await scene.until(`${victim.name} to run a job`, () => !victim.alive || leg.isBusy(victim) || leg.isSettled());
    if (victim.alive) await play.disturb?.(leg, victim);
    if (one !== null && one.phase !== 'stop') await scene.until(`${victim.name} to die`, () => !victim.alive || leg.isSettled());
    if (victim.alive) victim.signal('SIGTERM');
    // Who can reach nobody may give up.
    await leg.untilGone(victim, play.trouble?.darkFrom !== undefined);
    await scene.sightCommits();
  }
  await play.finish?.(leg);
  await leg.untilSettled();
}

export function workerProgram(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  return { main: 'test/failpoints/victims/worker.main.ts', arguments: flags, env };
}

function spawnService(leg: Leg, armed: Armed | null, trouble: Partial<Arming> = {}): ArmedProcess {
  const { brokers, registryUrl } = leg.tour;
  return leg.spawn({
    main: 'services/worker/main.ts',
    arguments: ['./test/failpoints/victims/jobs.ts'],
    env: {
      KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl, MILLRACE_WORKER_ID: `${leg.name}-v${leg.victims.length + 1}`, MILLRACE_HTTP_PORT: '0',
      MILLRACE_START_JITTER: '20ms', MILLRACE_SESSION_TIMEOUT: '6s', MILLRACE_LOG_LEVEL: 'info',
    },
  }, armed, trouble);
}
