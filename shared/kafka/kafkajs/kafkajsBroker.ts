import type { Clock } from '../../runtime/clock.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Compression } from '../compression.ts';
import type { Broker } from '../port.ts';
import { KafkajsAdmin } from './admin.ts';
import { Cluster } from './cluster.ts';
import { KafkajsConsumer } from './consumer.ts';
import type { SocketFactory } from './internals.ts';
import { KafkajsProducer } from './produce/producer.ts';

export interface KafkajsBrokerOptions {
  /** "host:port" of some brokers of the cluster. */
  readonly brokers: readonly string[];
  /** TLS options as `node:tls` takes them, or true for its defaults. Absent: plain text. */
  readonly ssl?: object | true;
  /** SASL options as KafkaJS takes them (`mechanism`, `username`, `password`, …). */
  readonly sasl?: object;
  /** Default 3 s. */
  readonly connectTimeoutMs?: number;
  /** How long `send` tries before BROKER_UNAVAILABLE; a request under way then is still awaited, up to 7 s. Default 10 s. */
  readonly deliveryTimeoutMs?: number;
  /** How all producers of this broker compress what is more than 8 KB. Default `none`: see docs/compression.md. */
  readonly compression?: Compression | undefined;
  /** How old what is known of topics may become: added partitions are noticed within this time. Default 60 s. */
  readonly metadataMaxAgeMs?: number;
  /** Opens sockets; tests put faults here. */
  readonly socketFactory?: SocketFactory;
  readonly clock?: Clock;
}

const REQUEST_TIMEOUT_MS = 10_000;
const ACK_TIMEOUT_MS = 5000;

/**
 * The broker port on real Kafka (2.3 and newer), by KafkaJS's network and protocol layers.
 *
 * KafkaJS's own consumer, producer, admin, cluster and retry layers are not used: nearly all that goes wrong with KafkaJS in
 * long-running workers lives there, and the port wants what they cannot give (cooperative hand-over, answers by partition,
 * exact positions). What each known trap became:
 *
 * - *One slow partition stops its broker's fetches; no prefetch; an idle broker costs a sleeping loop.* `fetch/fetcher.ts`: a
 *   batch is handed over and that is all; long polls go only to brokers that lead something wanted.
 * - *Heartbeats without a timer; a long handler is evicted; a rebalance waits for every handler.* `group/membership.ts`: heartbeats
 *   by timer on a link of their own; joins wait for nobody.
 * - *Eager protocol; local positions dropped at every rebalance; retained partitions restart from committed offsets.*
 *   `group/assignPartitions.ts` moves cooperatively; cursors of retained partitions are not touched.
 * - *Commits retried into a later generation; commits that silently do nothing while stopping.* `consumer.ts`: one attempt, member
 *   and generation taken before it, ownership checked, every error told.
 * - *Pause state that survives a rebalance or is lost in a restart; batches delivered after pause or seek.* `fetch/cursors.ts`: one
 *   cursor a topic-partition, whose epoch voids what is under way.
 * - *TypeError in a handler kills the consumer; crash without restart; retry counts that add up over hours; a retry helper that
 *   behaves otherwise under NODE_ENV=test.* No retrier is used; every loop has its own capped, jittered backoff that success resets.
 * - *Committed-offset state shared by the consumers of one client.* There is none; every part has its own `Cluster`.
 * - *Offset out of range commits by itself.* `fetch/fetcher.ts` goes on from the log's start and reports; nothing is committed.
 * - *Contiguous offsets assumed; a compacted tail read one offset at a time; an empty batch never passed; more than about 100,000
 *   records in one batch overflow the stack; compressed with anything but gzip, a batch stops its partition.* `recordBatch/`.
 * - *Retained slices pin the fetch buffer.* True of any reader; the port says so to owners.
 * - *A 1 ms timer loop a connection, TimeoutNegativeWarning.* `internals.ts` replaces the method.
 * - *Reconnecting on a connection with a half-read frame; two sockets when two requests find it closed.* `link.ts`: never reconnected,
 *   opened once.
 * - *A request that is never answered.* Every request has a time limit; passing it replaces the link.
 * - *Sequence numbers used again after a failed send; one request per send; keyless records spread; partition copied per record.*
 *   `produce/`.
 * - *30 s retry caps.* Backoff is capped at 1 s everywhere.
 * - *Topics created by asking for them.* Metadata requests forbid it.
 * - *Transactions (stuck COMMITTING, no fencing of zombies).* Not used; leases in the log fence. Those of foreign producers are
 *   read as committed.
 * - *`stop` inside a handler deadlocks.* `close` waits for the owner's `revoked` promise only, and that is bounded.
 */
export function createKafkajsBroker(options: KafkajsBrokerOptions): Broker {
  const clock = options.clock ?? systemClock;
  const cluster = (clientId: string, requestTimeoutMs: number): Cluster => new Cluster(options.brokers, {
    clientId,
    connectTimeoutMs: options.connectTimeoutMs ?? 3000,
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    ...(options.socketFactory === undefined ? {} : { socketFactory: options.socketFactory }),
  }, clock, requestTimeoutMs, options.metadataMaxAgeMs);
  return {
    createProducer: ({ clientId }) => new KafkajsProducer(cluster(clientId, REQUEST_TIMEOUT_MS / 2), {
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? 10_000,
      ackTimeoutMs: ACK_TIMEOUT_MS,
      compression: options.compression ?? 'none',
    }, clock),
    createConsumer: (consumer, listener) => {
      // A heartbeat that hangs must fail while there is time for another.
      const requestTimeoutMs = Math.max(1000, Math.min(REQUEST_TIMEOUT_MS, consumer.sessionTimeoutMs / 3));
      return new KafkajsConsumer(cluster(consumer.clientId, requestTimeoutMs), consumer, listener, clock);
    },
    createAdmin: ({ clientId }) => new KafkajsAdmin(cluster(clientId, REQUEST_TIMEOUT_MS), clock),
  };
}
