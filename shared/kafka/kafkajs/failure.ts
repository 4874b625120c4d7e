import { isMillraceError, MillraceError, type ErrorDetail } from '../../errors/MillraceError.ts';

/** Kafka's error codes that this driver tells apart (https://kafka.apache.org/protocol#protocol_error_codes). */
export const code = {
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  NOT_CONTROLLER: 41,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  INVALID_RECORD: 87,
  UNSTABLE_OFFSET_COMMIT: 88,
} as const;

const names = new Map<number, string>(Object.entries(code).map(([name, value]) => [value, name]));

/** A code's name, for messages. */
export function describeCode(errorCode: number): string {
  return names.get(errorCode) ?? `Kafka error ${errorCode}`;
}

const transient: ReadonlySet<number> = new Set([
  code.CORRUPT_MESSAGE, code.UNKNOWN_TOPIC_OR_PARTITION, code.LEADER_NOT_AVAILABLE, code.NOT_LEADER_OR_FOLLOWER, code.REQUEST_TIMED_OUT,
  code.REPLICA_NOT_AVAILABLE, code.NETWORK_EXCEPTION, code.COORDINATOR_LOAD_IN_PROGRESS, code.COORDINATOR_NOT_AVAILABLE,
  code.NOT_COORDINATOR, code.NOT_ENOUGH_REPLICAS, code.NOT_ENOUGH_REPLICAS_AFTER_APPEND, code.NOT_CONTROLLER, code.KAFKA_STORAGE_ERROR,
  code.FENCED_LEADER_EPOCH, code.UNKNOWN_LEADER_EPOCH, code.OFFSET_NOT_AVAILABLE, code.UNSTABLE_OFFSET_COMMIT, code.REBALANCE_IN_PROGRESS,
]);

/** Whether the same request can succeed later. */
export function isTransientCode(errorCode: number): boolean {
  return transient.has(errorCode);
}

/** Whether a metadata refresh may cure it: the leader moved, or the topic is new or gone. */
export function isStaleLeaderCode(errorCode: number): boolean {
  return errorCode === code.UNKNOWN_TOPIC_OR_PARTITION || errorCode === code.LEADER_NOT_AVAILABLE || errorCode === code.NOT_LEADER_OR_FOLLOWER
    || errorCode === code.REPLICA_NOT_AVAILABLE || errorCode === code.FENCED_LEADER_EPOCH || errorCode === code.UNKNOWN_LEADER_EPOCH
    || errorCode === code.KAFKA_STORAGE_ERROR;
}

/** So often in a row it is no trouble: leaders move, and those of a new topic are not known everywhere at once. */
export const STALE_LEADER_TRIES = 3;

/** As {@link isStaleLeaderCode}, of an error that was made of such a code. */
export function isStaleLeaderFailure(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'number' && isStaleLeaderCode(cause.code);
}

/** Whether a group request must look for its coordinator again. */
export function isStaleCoordinatorCode(errorCode: number): boolean {
  return errorCode === code.COORDINATOR_NOT_AVAILABLE || errorCode === code.NOT_COORDINATOR;
}

const transportNames: ReadonlySet<string> = new Set(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError']);

/** Whether the connection failed or did not answer in time, so that nothing is known of the request's fate. */
export function isTransportFailure(error: unknown): boolean {
  return error instanceof Error && transportNames.has(error.name);
}

/** A MillraceError for a code in a reply: transient ones can be tried again, the others are final. */
export function errorOfCode(errorCode: number, detail: ErrorDetail = {}): MillraceError {
  const cause = Object.assign(new Error(describeCode(errorCode)), { name: 'KafkaError', code: errorCode });
  if (errorCode === code.UNKNOWN_TOPIC_OR_PARTITION) return new MillraceError('TOPIC_MISSING', { cause, ...detail });
  if (errorCode === code.MESSAGE_TOO_LARGE || errorCode === code.RECORD_LIST_TOO_LARGE) return new MillraceError('BROKER_RECORD_TOO_LARGE', { cause, ...detail });
  return new MillraceError(isTransientCode(errorCode) ? 'BROKER_UNAVAILABLE' : 'BROKER_REFUSED', { got: describeCode(errorCode), cause, ...detail });
}

/** A MillraceError for whatever a link threw. */
export function errorOfFailure(error: unknown, detail: ErrorDetail = {}): MillraceError {
  if (isMillraceError(error)) return error;
  if (isTransportFailure(error)) return new MillraceError('BROKER_UNAVAILABLE', { got: error, cause: error, ...detail });
  const numeric = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number' ? error.code : null;
  if (numeric !== null) return errorOfCode(numeric, { cause: error, ...detail });
  // KafkaJS's word for wrong credentials, a mechanism or a request that the broker does not know.
  if (error instanceof Error && 'retriable' in error && error.retriable === false) return new MillraceError('BROKER_REFUSED', { got: error, cause: error, ...detail });
  return new MillraceError('BROKER_UNAVAILABLE', { got: error, cause: error, ...detail });
}
