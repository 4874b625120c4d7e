import type { Clock } from '../../runtime/clock.ts';
import type { OutgoingRecord, PartitionCommit } from '../port.ts';
import type { CommitDecision, CommitRequest, FetchDecision, FetchRequest, Hooks, ProduceDecision, ProduceRequest } from './faultHooks.ts';
import type { Group } from './group.ts';
import type { Client } from './liveness.ts';
import type { Topics } from './topics.ts';

/** What takes time between a client and the brokers. */
export type LatencyStep = 'produce' | 'ack' | 'fetch' | 'commit' | 'join' | 'sync' | 'heartbeat' | 'admin';

/** Everything that the parts of one in-memory cluster share. */
export interface World {
  readonly clock: Clock;
  readonly random: () => number;
  /** Milliseconds that a step takes this time. */
  latencyMs(step: LatencyStep): number;
  /** Share of sends that are followed by an offset without a record. */
  readonly gapShare: number;
  readonly topics: Topics;
  group(name: string): Group;
  readonly clients: Client[];
  readonly produceHooks: Hooks<ProduceRequest, ProduceDecision>;
  readonly commitHooks: Hooks<CommitRequest, CommitDecision>;
  readonly fetchHooks: Hooks<FetchRequest, FetchDecision>;
  /** `run` is called after a hook was added or removed, so that what stalls can try again. Returns how to stop. */
  onHooksChanged(run: () => void): () => void;
  readonly watchers: Set<Watcher>;
}

/** Sees what the cluster has taken, in the moment in which it does. */
export interface Watcher {
  appended?(topic: string, partition: number, baseOffset: number, records: readonly OutgoingRecord[]): void;
  committed?(group: string, memberId: string, commits: readonly PartitionCommit[]): void;
}
