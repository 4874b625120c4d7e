import type { Workload } from '../guarantees/process/workload.ts';
import { boundedRepeats } from '../guarantees/promises/boundedRepeats.ts';
import { everyPromise } from '../guarantees/promises/everyPromise.ts';
import type { Guarantee } from '../guarantees/promises/guarantee.ts';
import type { Program } from './armedProcess.ts';
import { claimsEnv, judgeClaims } from './claims.ts';
import type { Armed } from './failpoint.ts';
import { judgeEffects, oneHolder, prepareEffects } from './judgeEffects.ts';
import { judgeTables } from './judgeTables.ts';
import type { Leg, Tour } from './leg.ts';
import { playCommand } from './plays/playCommand.ts';
import { playIntake } from './plays/playIntake.ts';
import { playMoveBack, playMoveToEnd } from './plays/playMove.ts';
import { playProducer } from './plays/playProducer.ts';
import { askHealth, playStatus } from './plays/playStatus.ts';
import { playReplay } from './plays/playReplay.ts';
import { judgeSchedules, playScheduler } from './plays/playScheduler.ts';
import { judgeWebhooks, playWebhooks } from './plays/playWebhooks.ts';
import { playWishes, playWishingCommand } from './plays/playWishes.ts';
import { playWorker, workerProgram } from './plays/playWorker.ts';
import { cutByStranger, freeze, refuseWrites, writeForeignSchema } from './plays/disturbances.ts';
import { settledStaysSettled } from './settledStaysSettled.ts';

/** A scenario in which points are reached. */
export interface Stage {
  readonly name: string;
  readonly about: string;
  readonly workload: Partial<Workload>;
  /** Of one queue; the system is whole again between two of them. */
  readonly legsOfTour: number;
  /** How many unarmed processes look which points there are to reach. Default 1: more where chance has a hand. */
  readonly explorations?: number;
  /** Every phase of a point is a visit of its own; else only points that no stage before has reached. */
  readonly isBase: boolean;
  /** `phase point` of what is visited here though another stage has. */
  readonly revisits?: RegExp;
  /** Each tour has a PostgreSQL database of its own. */
  readonly needsDatabase?: boolean;
  /** Every other payload goes to the tour's folder instead of Kafka. */
  readonly hasClaims?: boolean;
  /** Called before anything runs. */
  readonly prepare?: (tour: Tour) => Promise<void>;
  /** Promises instead of those of every stage. */
  readonly promises?: readonly Guarantee[];
  /** Judges what promises of histories do not say, when the tour has come to rest. */
  readonly atRest?: (tour: Tour) => Promise<void>;
  /** An unarmed worker is there from the start. */
  readonly hasSurvivor: boolean;
  /** What that is, where the scenarios' own worker would not do. */
  readonly survivor?: (tour: Tour) => Program;
  readonly play: (leg: Leg, armed: readonly Armed[]) => Promise<void>;
}

const work: Partial<Workload> = { failing: { share: 0.25, upTo: 2 }, poisonShare: 0.05, attempts: 3 };
const base = { workload: work, legsOfTour: 8, isBase: false, hasSurvivor: true } as const;

function dark(name: string, about: string, play: Stage['play'], workload: Partial<Workload> = {}): Stage {
  return { ...base, name, about, workload: { ...work, ...workload }, play };
}

function effectsProgram({ databaseUrl }: Tour): Program {
  return workerProgram(['--effects'], { FAILPOINT_DATABASE: databaseUrl ?? '' });
}

function claimsProgram(tour: Tour): Program {
  return workerProgram(['--claims'], claimsEnv(tour));
}

/** In the order in which points are given to them: the cheapest first. */
export const stages: readonly Stage[] = [
  { ...base, name: 'work', about: 'a worker joins another, runs, retries, buries, is asked to stop', isBase: true, play: (leg, armed) => playWorker(leg, armed, {}) },
  { ...base, name: 'lead', about: 'the same as the first member of its group, which makes no topics', play: (leg, armed) => playWorker(leg, armed, { first: true, flags: ['--no-topics'] }) },
  { ...base, name: 'batches', about: 'a kind that takes batches', workload: { ...work, batch: { maxSize: 10, maxWaitMs: 20, leftOutShare: 0.05 } }, play: (leg, armed) => playWorker(leg, armed, {}) },
  { ...base, name: 'service', about: 'services/worker', legsOfTour: 6, isBase: true, play: (leg, armed) => playWorker(leg, armed, { service: true, disturb: (_leg, victim) => askHealth(victim) }) },
  { ...base, name: 'enqueue', about: 'an application that enqueues, and makes the topics', legsOfTour: 1, isBase: true, hasSurvivor: false, play: (leg, armed) => playProducer(leg, armed, 6) },
  {
    ...base, name: 'redrive', about: 'a command that redrives held jobs', isBase: true, workload: { ...work, whenBuried: 'hold', poisonShare: 0.12 },
    play: (leg, armed) => playCommand(leg, armed, 'redrive'),
  },
  {
    ...base, name: 'discard', about: 'a command that discards held jobs', isBase: true, workload: { ...work, whenBuried: 'hold', poisonShare: 0.12 },
    play: (leg, armed) => playCommand(leg, armed, 'discard'),
  },
  { ...base, name: 'intake', about: 'services/intake, while callers send jobs, with and without idempotency keys', revisits: /^run (services\/intake|shared\/(intake|database))\//, legsOfTour: 6, needsDatabase: true, play: (leg, armed) => playIntake(leg, armed, {}) },
  { ...base, name: 'status', about: 'services/status, while jobs run and somebody asks about them', revisits: /^run (services\/status|shared\/(status|database))\//, needsDatabase: true, atRest: judgeTables, play: (leg, armed) => playStatus(leg, armed) },
  { ...base, name: 'scheduler', about: 'services/scheduler, while schedules tick, are paused, run now, made up for and removed', atRest: judgeSchedules, play: (leg, armed) => playScheduler(leg, armed) },
  { ...base, name: 'webhooks', about: 'services/webhooks, while jobs end and their subscribers are told', needsDatabase: true, revisits: /^run shared\/webhooks\//, atRest: judgeWebhooks, play: (leg, armed) => playWebhooks(leg, armed) },
  {
    ...base, name: 'isolated', about: 'a worker whose kind runs in sandboxes, and these', isBase: true, workload: { failing: { share: 0.25, upTo: 2 }, slow: { share: 0.05, ms: [1500, 2500] } },
    play: (leg, armed) => playWorker(leg, armed, { flags: ['--isolated'], parameters: { drainTimeoutMs: 1000 } }),
  },
  { ...base, name: 'wishes', about: 'a worker that is told to pause, to cancel, to run now, and to run one of two', revisits: /^run shared\/worker\/(publisher|commitLoop)/, play: playWishes },
  { ...base, name: 'wishing', about: 'a command that pauses, cancels, runs now and resumes', play: playWishingCommand },
  {
    ...base, name: 'edit', about: 'a command that redrives held jobs with another payload', workload: { ...work, whenBuried: 'hold', poisonShare: 0.12 },
    play: (leg, armed) => playCommand(leg, armed, 'edit'),
  },
  {
    ...base, name: 'effects', explorations: 2, about: 'a worker whose jobs have effects in a database, under locks', needsDatabase: true, revisits: /^run shared\/(inbox|locks|database)\//,
    workload: { ...work, slow: { share: 0.04, ms: [900, 1300] } }, prepare: prepareEffects, survivor: effectsProgram, promises: [...everyPromise, settledStaysSettled, oneHolder], atRest: judgeEffects, play: (leg, armed) => playWorker(leg, armed, { program: effectsProgram, untilActive: true }),
  },
  {
    ...base, name: 'claims', explorations: 2, about: 'a worker some of whose payloads and results are in a folder', hasClaims: true, revisits: /^run shared\/claims\//,
    survivor: claimsProgram, atRest: judgeClaims, play: (leg, armed) => playWorker(leg, armed, { program: claimsProgram, untilActive: true }),
  },
  {
    ...base, name: 'claims-enqueue', about: 'an application that enqueues large payloads', legsOfTour: 6, hasClaims: true, hasSurvivor: false, revisits: /^(start|run) shared\/claims\//,
    survivor: claimsProgram, atRest: judgeClaims, play: (leg, armed) => playProducer(leg, armed, 6, { claims: true }),
  },
  { ...base, name: 'replay', about: 'a replay beside its queue, that is stopped and goes on', revisits: /^run shared\/(replay\/|worker\/commitLoop)/, play: (leg, armed) => playReplay(leg, armed) },
  { ...base, name: 'move-back', about: 'a command that moves a queue\'s offsets back', promises: everyPromise.filter((promise) => promise !== boundedRepeats), play: (leg, armed) => playMoveBack(leg, armed) },
  { ...base, name: 'move-to-end', about: 'a command that gives up what has not run', play: (leg, armed) => playMoveToEnd(leg, armed) },
  { ...base, name: 'intake-embedded', about: 'an intake that keeps its keys in an embedded database', legsOfTour: 4, play: (leg, armed) => playIntake(leg, armed, { embedded: true }) },
  { ...base, name: 'intake-network', explorations: 2, about: 'an intake all of whose connections break', needsDatabase: true, play: (leg, armed) => playIntake(leg, armed, { trouble: { shakyNetwork: true } }) },
  { ...base, name: 'status-network', explorations: 2, about: 'a status service all of whose connections break', needsDatabase: true, atRest: judgeTables, play: (leg, armed) => playStatus(leg, armed, { trouble: { shakyNetwork: true } }) },
  { ...base, name: 'rebuild', about: 'a status service that is told to begin anew', needsDatabase: true, atRest: judgeTables, play: (leg, armed) => playStatus(leg, armed, { flags: ['--rebuild'] }) },
  {
    ...base, name: 'overdue', about: 'a stop that does not wait for slow attempts', workload: { ...work, slow: { share: 0.15, ms: [1500, 2500] } },
    play: (leg, armed) => playWorker(leg, armed, { parameters: { drainTimeoutMs: 200 } }),
  },
  { ...base, name: 'registry', explorations: 3, about: 'a registry that fails half the time, and schemas that the worker does not know', play: (leg, armed) => playWorker(leg, armed, { trouble: { shakyRegistry: true }, disturb: writeForeignSchema }) },
  { ...base, name: 'refused', about: 'a broker that refuses writes to the waiting room and the dead letters for a while', play: (leg, armed) => playWorker(leg, armed, { disturb: refuseWrites }) },
  { ...base, name: 'network', explorations: 3, about: 'connections that break', play: (leg, armed) => playWorker(leg, armed, { trouble: { shakyNetwork: true } }) },
  { ...base, name: 'scheduler-network', explorations: 2, about: 'a scheduler all of whose connections break', atRest: judgeSchedules, play: (leg, armed) => playScheduler(leg, armed, { shakyNetwork: true }) },
  { ...base, name: 'webhooks-network', explorations: 2, about: 'a webhooks process all of whose connections break', needsDatabase: true, atRest: judgeWebhooks, play: (leg, armed) => playWebhooks(leg, armed, { shakyNetwork: true }) },
  { ...base, name: 'stranger', about: 'a stranger\'s lease', play: (leg, armed) => playWorker(leg, armed, { disturb: cutByStranger }) },
  { ...base, name: 'frozen', about: 'a worker that sleeps longer than its session', legsOfTour: 4, play: (leg, armed) => playWorker(leg, armed, { disturb: freeze }) },
  { ...base, name: 'enqueue-network', about: 'an application that enqueues over connections that break', legsOfTour: 1, hasSurvivor: false, play: (leg, armed) => playProducer(leg, armed, 200, { trouble: { shakyNetwork: true, shakyRegistry: true } }) },
  dark('dark', 'a worker that reaches nobody from its start on', (leg, armed) => playWorker(leg, armed, { trouble: { darkFrom: 'start' } })),
  dark('dark-run', 'a worker that reaches nobody any more, and is asked to stop', (leg, armed) => playWorker(leg, armed, { trouble: { darkFrom: 'run' } })),
  dark('dark-stop', 'a worker that reaches nobody when it stops', (leg, armed) => playWorker(leg, armed, { trouble: { darkFrom: 'stop' } })),
  dark('dark-wishing', 'a command that reaches nobody', (leg, armed) => playWishingCommand(leg, armed, { darkFrom: 'start' })),
  dark('dark-redrive', 'a redrive that reaches nobody', (leg, armed) => playCommand(leg, armed, 'redrive', { darkFrom: 'start' }), { whenBuried: 'hold', poisonShare: 0.12 }),
  { ...dark('dark-intake', 'an intake that reaches nobody any more', (leg, armed) => playIntake(leg, armed, { trouble: { darkFrom: 'run' } })), needsDatabase: true },
  { ...dark('dark-status', 'a status service that reaches nobody any more', (leg, armed) => playStatus(leg, armed, { trouble: { darkFrom: 'run' } })), needsDatabase: true, atRest: judgeTables },
];
