import { MillraceError } from '../errors/MillraceError.ts';
import { readBuriedRecord, type Burial, type CarriedJob } from '../kafka/envelope.ts';
import { createPartitionLog } from '../kafka/memory/partitionLog.ts';
import type { Broker, OutgoingRecord, Producer } from '../kafka/port.ts';
import { ReplayConsumer, type ReplayWorld } from './replayConsumer.ts';

export interface ReplayBroker extends Broker {
  /** Null before the worker has made it. */
  readonly consumer: ReplayConsumer | null;
}

export interface ReplayBrokerOptions extends ReplayWorld {
  /** A job died. False: it shall not count as settled, so that its entity stands, and whoever goes on runs it again. */
  readonly buried: (partition: number, job: CarriedJob, burial: Burial) => boolean;
}

/**
 * A cluster for one queue's worker from which nothing gets out: it reads the queue's main topic, by a group of its own. What the worker writes to retry topic,
 * dead-letter topic and events stays here. So a replay runs on the engine and the worker that run the queue.
 */
export function createReplayBroker(inner: Broker, options: ReplayBrokerOptions): ReplayBroker {
  const { topics, clock } = options;
  let consumer: ReplayConsumer | null = null;
  let sent = 0;

  const send = (topic: string, partition: number, records: readonly OutgoingRecord[]): number => {
    switch (topic) {
      case topics.retry:
        if (consumer === null) throw new MillraceError('NOT_RUNNING', { at: 'replay' });
        return consumer.append(partition, records);
      case topics.dlq:
        for (const { job, burial } of readLetters(records, clock.now())) {
          if (!options.buried(partition, job, burial)) throw new MillraceError('BROKER_UNAVAILABLE', { at: topic, got: 'a job that died in a replay that stops then' });
        }
        return sent++;
      case topics.events:
        return sent++;
      default:
        throw new MillraceError('BROKER_REFUSED', { at: topic, got: 'a record of a replay, which writes to no topic' });
    }
  };

  const createProducer = (): Producer => ({
    start: () => Promise.resolve(),
    async send(topic, partition, records) {
      // As an ack would: never within the call.
      await Promise.resolve();
      return { baseOffset: send(topic, partition, records) };
    },
    partitionCount: (topic) => Promise.reject(new MillraceError('TOPIC_MISSING', { at: topic })),
    close: () => Promise.resolve(),
  });

  return {
    get consumer() { return consumer; },
    createProducer,
    createAdmin: (given) => inner.createAdmin(given),
    createConsumer: (given, listener) => (consumer = new ReplayConsumer(options, inner, given, listener)),
  };
}

function readLetters(records: readonly OutgoingRecord[], nowMs: number): { readonly job: CarriedJob; readonly burial: Burial }[] {
  const log = createPartitionLog(() => undefined);
  log.append(records, nowMs);
  return log.all().flatMap((record) => readBuriedRecord(record) ?? []);
}
