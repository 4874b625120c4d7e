import type { Broker, Consumer, FetchedBatch, FetchedRecord, PartitionGrant } from '../../shared/kafka/port.ts';
import type { BrokerStage } from './stage.ts';

export interface ProbeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly kinds?: readonly string[];
  readonly clientId?: string;
  readonly broker?: Broker;
  readonly sessionTimeoutMs?: number;
  readonly revokeTimeoutMs?: number;
  readonly maxBytesPerPartition?: number;
  /** Starts fetching each topic of a grant from its commit, or the log's start. Default: the test resumes by itself. */
  readonly follow?: boolean;
  /** What `revoked` waits for. */
  readonly onRevoked?: (partitions: readonly number[]) => Promise<void>;
  readonly onLost?: (partitions: readonly number[]) => void;
  readonly onFetched?: (batch: FetchedBatch) => void;
}

/** A consumer that remembers all that it was told, and checks what every call must keep to. */
export interface Probe {
  readonly consumer: Consumer;
  readonly clientId: string;
  readonly group: string;
  readonly owned: ReadonlySet<number>;
  readonly grants: readonly PartitionGrant[];
  readonly batches: readonly FetchedBatch[];
  readonly records: readonly (FetchedRecord & { readonly topic: string; readonly partition: number })[];
  readonly revocations: readonly (readonly number[])[];
  readonly losses: readonly (readonly number[])[];
  readonly troubles: readonly Error[];
  /** What the listener was told, in order, batches left out: `assigned 0,1`, `revoked 1`, `lost 0`. */
  readonly story: readonly string[];
  /** Broken rules of the listener's contract; checked when the probe closes. */
  readonly offences: readonly string[];
  close(): Promise<void>;
}

export function createProbe(stage: BrokerStage, options: ProbeOptions & { readonly clientId: string }): Probe {
  const owned = new Set<number>();
  const revoking = new Set<number>();
  const grants: PartitionGrant[] = [];
  const batches: FetchedBatch[] = [];
  const records: (FetchedRecord & { topic: string; partition: number })[] = [];
  const revocations: number[][] = [];
  const losses: number[][] = [];
  const troubles: Error[] = [];
  const story: string[] = [];
  const offences: string[] = [];
  const positions = new Map<string, number>();
  let inCall = false;
  let ended = false;

  const tell = (what: string, partitions: readonly number[]): void => {
    story.push(`${what} ${[...partitions].sort((a, b) => a - b).join()}`);
    if (partitions.length === 0) offences.push(`${what} told with an empty list`);
    if (inCall) offences.push(`${what} told within a call of the consumer`);
    if (ended) offences.push(`${what} told after close`);
  };
  const letGo = (partitions: readonly number[]): void => {
    for (const partition of partitions) {
      owned.delete(partition);
      revoking.delete(partition);
      for (const topic of options.topics) positions.delete(`${topic}/${partition}`);
    }
  };

  const inner = (options.broker ?? stage.broker()).createConsumer({
    group: options.group,
    topics: options.topics,
    clientId: options.clientId,
    ...(options.kinds === undefined ? {} : { kinds: options.kinds }),
    sessionTimeoutMs: options.sessionTimeoutMs ?? 30_000,
    revokeTimeoutMs: options.revokeTimeoutMs ?? 20_000,
    maxBytesPerPartition: options.maxBytesPerPartition ?? 1_048_576,
    maxWaitMs: 100,
  }, {
    assigned(given) {
      tell('assigned', given.map(({ partition }) => partition));
      for (const grant of given) {
        if (owned.has(grant.partition)) offences.push(`assigned ${grant.partition} though it is owned`);
        owned.add(grant.partition);
        grants.push(grant);
        if (options.follow === true) for (const topic of options.topics) consumer.resume(topic, grant.partition, grant.committed[topic]?.offset ?? grant.log[topic]?.startOffset ?? NaN);
      }
    },
    async revoked(partitions) {
      tell('revoked', partitions);
      revocations.push([...partitions]);
      for (const partition of partitions) {
        if (!owned.has(partition)) offences.push(`revoked ${partition} though it is not owned`);
        revoking.add(partition);
      }
      try { await options.onRevoked?.(partitions); } finally { letGo(partitions.filter((partition) => revoking.has(partition))); }
    },
    lost(partitions) {
      tell('lost', partitions);
      losses.push([...partitions]);
      for (const partition of partitions) if (!owned.has(partition)) offences.push(`lost ${partition} though it is not owned`);
      letGo(partitions);
      options.onLost?.(partitions);
    },
    fetched(batch) {
      const place = `${batch.topic}/${batch.partition}`;
      const position = positions.get(place);
      if (inCall) offences.push(`${place} delivered within a call of the consumer`);
      if (ended) offences.push(`${place} delivered after close`);
      if (position === undefined) offences.push(`${place} delivered though it is not being fetched`);
      // Beyond the log's end the position goes back to its start; else it only grows.
      let last = position === undefined || position > batch.highWatermark ? -1 : position - 1;
      for (const { offset } of batch.records) {
        if (offset <= last) offences.push(`${place} delivered offset ${offset} after ${last}`);
        last = offset;
      }
      if (batch.nextOffset <= last) offences.push(`${place}: nextOffset ${batch.nextOffset} after ${last}`);
      if (position !== undefined) positions.set(place, batch.nextOffset);
      batches.push(batch);
      // By name: a record's key and headers may be getters, which a copy of its own properties lacks.
      for (const { offset, timestampMs, key, value, headers } of batch.records) records.push({ offset, timestampMs, key, value, headers, topic: batch.topic, partition: batch.partition });
      options.onFetched?.(batch);
    },
    trouble: (error) => { troubles.push(error); },
  });

  const within = <T>(call: () => T): T => {
    inCall = true;
    try { return call(); } finally { inCall = false; }
  };
  const consumer: Consumer = {
    start: () => within(() => inner.start()),
    resume(topic, partition, offset) {
      if (owned.has(partition)) positions.set(`${topic}/${partition}`, offset);
      within(() => { inner.resume(topic, partition, offset); });
    },
    pause(topic, partition) {
      positions.delete(`${topic}/${partition}`);
      within(() => { inner.pause(topic, partition); });
    },
    commit: (commits) => within(() => inner.commit(commits)),
    lastSeen: () => inner.lastSeen(),
    close: () => within(() => inner.close()),
  };
  return {
    consumer, clientId: options.clientId, group: options.group, owned, grants, batches, records, revocations, losses, troubles, story, offences,
    async close() {
      await consumer.close();
      ended = true;
      if (offences.length > 0) throw new Error(`${options.clientId} was told what the port forbids: ${offences.join('; ')}`);
    },
  };
}
