import type { Workload } from '../guarantees/process/workload.ts';
import type { Armed } from './failpoint.ts';
import type { Leg } from './leg.ts';
import { playCommand } from './plays/playCommand.ts';
import { playProducer } from './plays/playProducer.ts';
import { playWorker } from './plays/playWorker.ts';
import { askHealth, cutByStranger, freeze, refuseWrites, writeForeignSchema } from './plays/disturbances.ts';

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
  /** An unarmed worker is there from the start. */
  readonly hasSurvivor: boolean;
  readonly play: (leg: Leg, armed: readonly Armed[]) => Promise<void>;
}

const work: Partial<Workload> = { failing: { share: 0.25, upTo: 2 }, poisonShare: 0.05, attempts: 3 };
const base = { workload: work, legsOfTour: 8, isBase: false, hasSurvivor: true } as const;

/** In the order in which points are given to them: the cheapest first. */
export const stages: readonly Stage[] = [
  { ...base, name: 'work', about: 'a worker joins another, runs, retries, buries, is asked to stop', isBase: true, play: (leg, armed) => playWorker(leg, armed, {}) },
  { ...base, name: 'lead', about: 'the same as the first member of its group, which makes no topics', play: (leg, armed) => playWorker(leg, armed, { first: true, flags: ['--no-topics'] }) },
  { ...base, name: 'batches', about: 'a kind that takes batches', workload: { ...work, batch: { maxSize: 10, maxWaitMs: 20, leftOutShare: 0.05 } }, play: (leg, armed) => playWorker(leg, armed, {}) },
  { ...base, name: 'service', about: 'services/worker', legsOfTour: 6, isBase: true, play: (leg, armed) => playWorker(leg, armed, { service: true, disturb: askHealth }) },
  { ...base, name: 'enqueue', about: 'an application that enqueues, and makes the topics', legsOfTour: 1, isBase: true, hasSurvivor: false, play: (leg, armed) => playProducer(leg, armed, 6) },
  {
    ...base, name: 'redrive', about: 'a command that redrives held jobs', isBase: true, workload: { ...work, whenBuried: 'hold', poisonShare: 0.12 },
    play: (leg, armed) => playCommand(leg, armed, 'redrive'),
  },
  {
    ...base, name: 'discard', about: 'a command that discards held jobs', isBase: true, workload: { ...work, whenBuried: 'hold', poisonShare: 0.12 },
    play: (leg, armed) => playCommand(leg, armed, 'discard'),
  },
  {
    ...base, name: 'overdue', about: 'a stop that does not wait for slow attempts', workload: { ...work, slow: { share: 0.15, ms: [1500, 2500] } },
    play: (leg, armed) => playWorker(leg, armed, { parameters: { drainTimeoutMs: 200 } }),
  },
  { ...base, name: 'registry', explorations: 3, about: 'a registry that fails half the time, and schemas that the worker does not know', play: (leg, armed) => playWorker(leg, armed, { trouble: { shakyRegistry: true }, disturb: writeForeignSchema }) },
  { ...base, name: 'refused', about: 'a broker that refuses writes to the waiting room and the dead letters for a while', play: (leg, armed) => playWorker(leg, armed, { disturb: refuseWrites }) },
  { ...base, name: 'network', explorations: 3, about: 'connections that break', play: (leg, armed) => playWorker(leg, armed, { trouble: { shakyNetwork: true } }) },
  { ...base, name: 'stranger', about: 'a stranger\'s lease', play: (leg, armed) => playWorker(leg, armed, { disturb: cutByStranger }) },
  { ...base, name: 'frozen', about: 'a worker that sleeps longer than its session', legsOfTour: 4, play: (leg, armed) => playWorker(leg, armed, { disturb: freeze }) },
  { ...base, name: 'enqueue-network', about: 'an application that enqueues over connections that break', legsOfTour: 1, hasSurvivor: false, play: (leg, armed) => playProducer(leg, armed, 200, { shakyNetwork: true, shakyRegistry: true }) },
];
