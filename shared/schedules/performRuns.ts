import { commandJobs } from '../commands/commandJobs.ts';
import { isMillraceError } from '../errors/MillraceError.ts';
import { fireAtMs, type Rules } from './decide.ts';
import { runRecord } from './runRecord.ts';
import type { SchedulerTools } from './schedulerTools.ts';
import type { OpenRun } from './scheduleState.ts';
import { createSleeps, retryPauseMs } from '../runtime/sleeps.ts';

export interface RunPerformerOptions {
  readonly tools: SchedulerTools;
  /** Kafka has the run's job. */
  readonly acked: (schedule: string, jobId: string, offset: number) => void;
  /** Kafka refused the run's job for good. */
  readonly refused: (schedule: string, jobId: string) => void;
  /** Kafka has the command to cancel the run, or refused it for good. */
  readonly told: (schedule: string, jobId: string) => void;
}

/** Sends what is decided, again until Kafka has it. */
export interface RunPerformer {
  /** Does what is to be done for a run and is not being done yet. */
  perform(schedule: string, rules: Rules, run: OpenRun): void;
  /** Tries nothing again from now on. */
  end(): void;
  /** All that is on its way has its answer. */
  settled(): Promise<unknown>;
}

export function createRunPerformer({ tools, acked, refused, told }: RunPerformerOptions): RunPerformer {
  const { broker, admin, producer, clock, logger, observer, createId } = tools;
  const underWay = new Map<string, Promise<void>>();
  const sleeps = createSleeps(clock);
  let over = false;

  const once = (what: string, work: () => Promise<void>): void => {
    if (underWay.has(what)) return;
    underWay.set(what, work().finally(() => { underWay.delete(what); }));
  };

  /** @returns `over`: it was not done, and is nobody's business here any more */
  const persist = async <T>(work: () => Promise<T>): Promise<{ readonly done: T } | { readonly refused: unknown } | 'over'> => {
    for (let failures = 0; ; failures++) {
      try {
        return { done: await work() };
      } catch (error) {
        // A topic that is missing may be made.
        if (isMillraceError(error) && !error.retriable && error.code !== 'TOPIC_MISSING') return { refused: error };
        observer.trouble(error);
        await sleeps.sleep(retryPauseMs(failures + 1));
        if (over) return 'over';
      }
    }
  };

  const send = async (schedule: string, { definition, ticker }: Rules, run: OpenRun): Promise<void> => {
    const end = await persist(() => producer.send(run.queue, run.partition, [runRecord(definition, run, clock.now())]));
    if (end === 'over') return;
    if ('refused' in end) {
      logger.error({ err: end.refused, schedule, jobId: run.id }, 'Kafka refused a run');
      refused(schedule, run.id);
      return;
    }
    observer.started(schedule, run.cause === 'tick' ? clock.now() - fireAtMs(definition, ticker, run.tickMs) : null);
    acked(schedule, run.id, end.done.baseOffset);
  };

  const cancel = async (schedule: string, { id, queue, partition }: OpenRun, offset: number): Promise<void> => {
    const end = await persist(() => commandJobs({ broker, admin, producer, createId }, queue, 'cancel', [{ id, partition, offset }]));
    if (end === 'over') return;
    if ('refused' in end) logger.error({ err: end.refused, schedule, jobId: id }, 'Kafka refused to cancel a run');
    told(schedule, id);
  };

  return {
    perform(schedule, rules, run) {
      const { id, offset, queue } = run;
      if (offset === null) {
        if (queue === rules.definition.queue) once(`send ${id}`, () => send(schedule, rules, run));
      } else if (run.cancel === 'asked') once(`cancel ${id}`, () => cancel(schedule, run, offset));
    },
    end() {
      over = true;
      sleeps.end();
    },
    settled: () => Promise.allSettled(underWay.values()),
  };
}
