import type { Broker } from '../../shared/kafka/port.ts';

/**
 * Where the conformance suite plays: one per test. It hides what the drivers' worlds do not share: how time passes, and how to do to a
 * cluster what the port does not offer.
 */
export interface BrokerStage {
  /** A new connection, as another process would make it. */
  broker(): Broker;
  /** Awaits `condition` while time passes; fails, naming `what`, when it takes too long. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Awaits `promise` while time passes. */
  wait<T>(promise: Promise<T>): Promise<T>;
  /** A name that no other topic or group has. */
  uniqueName(prefix: string): string;
  /** Epoch ms as the clients see it. */
  now(): number;
  /** The shortest session timeout that the cluster takes. */
  readonly sessionTimeoutMs: number;
  /** Cuts all that `broker` made off the cluster, for good, without a goodbye. */
  cutOff(broker: Broker): void;
  /** Makes the group's coordinator forget the member of this client id. */
  expel(group: string, clientId: string): Promise<void>;
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void>;
  /** Appends one record that is followed by an offset without a record (a transaction's marker). */
  appendWithMarker(topic: string, partition: number, value: string): Promise<void>;
  dispose(): Promise<void>;
}
