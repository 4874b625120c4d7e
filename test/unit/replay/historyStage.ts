import { defineJob, type JobContext, type Outcome } from 'millrace';
import { createTestMillrace, type TestMillrace } from 'millrace/testing';
import type { JobV1 } from '../../../schemas/bench.Job/payload.generated.ts';
import type { Broker, Consumer, ConsumerListener, ConsumerOptions } from '../../../shared/kafka/port.ts';
import { replay } from '../../../shared/replay/replay.ts';
import type { ReplayOptions } from '../../../shared/replay/replayOptions.ts';
import { jobV1, sampleJob } from '../worker/sampleJob.ts';

export const KEYS = 4;

export interface Run {
  readonly sequence: number;
  readonly key: string;
  readonly attempt: number;
  readonly replay: string | null;
}

export interface HistoryStage {
  readonly world: TestMillrace;
  readonly runs: Run[];
  readonly jobs: ReturnType<typeof defineKinds>;
  /** A replay, from a process of its own. */
  readonly again: (options: ReplayOptions, broker?: Broker) => ReturnType<typeof replay>;
}

export const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent } as never;

/** A queue that worked off 40 jobs of two kinds in its time, and what its handlers saw. */
export async function withHistory(body: (stage: HistoryStage) => Promise<void>, setUp?: { handle?: Handle }): Promise<void> {
  const world = createTestMillrace({ partitions: 2 });
  const { millrace, settle, until, cluster, registry, clock } = world;
  const runs: Run[] = [];
  const jobs = defineKinds(runs, setUp?.handle);
  const worker = await settle(millrace.work(jobs));
  for (let sequence = 0; sequence < 40; sequence += 1) await settle(millrace.enqueue(jobs[sequence % 5 === 0 ? 1 : 0], sampleJob(sequence, `key-${sequence % KEYS}`)));
  await until(() => new Set(runs.map((run) => run.sequence)).size === 40);
  await settle(worker.stop());
  runs.length = 0;
  await body({ world, runs, jobs, again: (options, broker = cluster.broker()) => settle(replay({ broker, registry, clock, logger: silent }, 'orders', jobs, options)) });
  await settle(millrace.close());
}

export type Handle = (payload: JobV1, ctx: JobContext) => Outcome | undefined;

function defineKinds(runs: Run[], handle: Handle = () => undefined) {
  const common = {
    queue: 'orders', schema: jobV1, key: (payload: JobV1) => payload.note ?? '', retry: { attempts: 3, backoff: { first: '1m', jitter: 0 } },
    handle: (payload: JobV1, ctx: JobContext) => {
      runs.push({ sequence: payload.sequence, key: payload.note ?? '', attempt: ctx.attempt, replay: ctx.replay?.name ?? null });
      return handle(payload, ctx);
    },
  } as const;
  return [defineJob({ ...common, kind: 'charge' }), defineJob({ ...common, kind: 'mail', whenBuried: 'hold' })] as const;
}

export function sequencesByKey(runs: readonly Run[]): number[][] {
  return Array.from({ length: KEYS }, (_, key) => runs.filter((run) => run.key === `key-${key}`).map((run) => run.sequence));
}

export const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

/** Does something in the last moment before the replay's worker joins its group. */
export function beforeItJoins(broker: Broker, group: string, act: () => Promise<void>): Broker {
  return {
    ...broker,
    createConsumer(options: ConsumerOptions, listener: ConsumerListener) {
      const consumer = broker.createConsumer(options, listener);
      if (options.group !== group) return consumer;
      const start = async (): Promise<void> => {
        await act();
        await consumer.start();
      };
      return new Proxy(consumer, { get: (target, name: keyof Consumer) => (name === 'start' ? start : target[name].bind(target)) });
    },
  };
}
