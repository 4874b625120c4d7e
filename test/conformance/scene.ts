import { isMillraceError } from '../../shared/errors/MillraceError.ts';
import type { ErrorCode } from '../../shared/errors/catalogue.ts';
import type { Admin, Broker, OutgoingRecord, PartitionCommit, Producer } from '../../shared/kafka/port.ts';
import { createProbe, type Probe, type ProbeOptions } from './probe.ts';
import type { BrokerStage } from './stage.ts';

/** A stage with short ways to say what most tests need. Closes at the end what it opened. */
export interface Scene {
  readonly stage: BrokerStage;
  /** Creates a topic and returns its name. */
  topic(partitions: number, config?: Readonly<Record<string, string>>): Promise<string>;
  /** A started producer. */
  producer(): Promise<Producer>;
  /** A consumer that is not started yet. */
  probe(options: ProbeOptions): Probe;
  /** The same, started: its first assignment is known. */
  joined(options: ProbeOptions): Promise<Probe>;
  admin(): Admin;
  /** Sends one record each, in order, and returns their offsets. */
  fill(topic: string, partition: number, values: readonly (string | OutgoingRecord)[]): Promise<number[]>;
  /** Reads a partition from its start until `count` records came. */
  read(topic: string, partition: number, count: number): Promise<Probe['records']>;
  /** Commits; tries again while the group rebalances. */
  commit(probe: Probe, commits: readonly PartitionCommit[]): Promise<void>;
  /** What `admin.committed` says of one partition. */
  committed(group: string, topic: string, partition: number): Promise<{ offset: number; metadata: string } | null>;
  /** The code with which `promise` rejects; 'resolved' when it does not. */
  codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'resolved'>;
  close(): Promise<void>;
}

export const record = (value: string | null, key: string | null = 'k'): OutgoingRecord => ({ key, value: value === null ? null : Buffer.from(value) });
export const textOf = (records: Probe['records']): string[] => records.map(({ value }) => String(value));

export function openScene(stage: BrokerStage): Scene {
  const closers: (() => Promise<void>)[] = [];
  let names = 0;
  let sharedProducer: Promise<Producer> | null = null;
  let sharedAdmin: Admin | null = null;
  const broker: Broker = stage.broker();

  const admin = (): Admin => {
    if (sharedAdmin === null) {
      const made = (sharedAdmin = broker.createAdmin({ clientId: 'scene-admin' }));
      closers.push(() => made.close());
    }
    return sharedAdmin;
  };
  const producer = async (): Promise<Producer> => {
    const made = broker.createProducer({ clientId: `producer-${names += 1}` });
    closers.push(() => made.close());
    await stage.wait(made.start());
    return made;
  };
  const probe = (options: ProbeOptions): Probe => {
    const made = createProbe(stage, { clientId: `member-${names += 1}`, ...options });
    closers.push(() => made.close());
    return made;
  };
  const joined = async (options: ProbeOptions): Promise<Probe> => {
    const made = probe(options);
    await stage.wait(made.consumer.start());
    return made;
  };

  return {
    stage,
    async topic(partitions, config = {}) {
      const name = stage.uniqueName('topic');
      await stage.wait(admin().createTopics([{ name, partitions, replicationFactor: 1, config }]));
      return name;
    },
    producer,
    probe,
    joined,
    admin,
    async fill(topic, partition, values) {
      const sender = await (sharedProducer ??= producer());
      const sent = values.map((value) => sender.send(topic, partition, [typeof value === 'string' ? record(value) : value]));
      return (await stage.wait(Promise.all(sent))).map(({ baseOffset }) => baseOffset);
    },
    async read(topic, partition, count) {
      const reader = await joined({ group: stage.uniqueName('reader'), topics: [topic] });
      reader.consumer.resume(topic, partition, 0);
      await stage.until(() => reader.records.length >= count, `${count} records of ${topic}/${partition}`);
      await stage.wait(reader.close());
      return reader.records;
    },
    async commit(owner, commits) {
      for (;;) {
        try {
          await stage.wait(owner.consumer.commit(commits));
          return;
        } catch (error) {
          if (!isMillraceError(error, 'BROKER_REBALANCING')) throw error;
        }
      }
    },
    async committed(group, topic, partition) {
      const all = await stage.wait(admin().committed(group, topic));
      const position = all.find((one) => one.partition === partition)?.position;
      return position == null ? null : { offset: position.offset, metadata: position.metadata };
    },
    async codeOf(promise) {
      try {
        await stage.wait(promise);
        return 'resolved';
      } catch (error) {
        if (isMillraceError(error)) return error.code;
        throw error;
      }
    },
    async close() {
      await stage.wait(Promise.all(closers.map((each) => each())));
      await stage.dispose();
    },
  };
}
