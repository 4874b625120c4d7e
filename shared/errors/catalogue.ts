interface CatalogueEntry {
  /** First words of the message. */
  readonly says: string;
  readonly retriable: boolean;
}

/** Every error code of millrace, with its first words. Codes are API: they are added, never renamed. */
export const catalogue = {
  BAD_DURATION: { says: 'That is no duration', retriable: false },
  BAD_JOB_DEFINITION: { says: 'The job definition is not valid', retriable: false },
  BAD_CONFIG: { says: 'The configuration is not valid', retriable: false },
  BAD_PAYLOAD: { says: 'The payload does not fit its schema', retriable: false },
  BAD_ENQUEUE_OPTION: { says: 'A job cannot be enqueued with that option', retriable: false },
  BAD_COMMAND: { says: 'That command cannot be given', retriable: false },
  BAD_REPLAY: { says: 'That replay cannot be run', retriable: false },
  BAD_USAGE: { says: 'The command line cannot be read', retriable: false },
  NEEDS_FORCE: { says: 'That was not done, for it may do harm', retriable: false },
  BAD_PROGRESS: { says: 'That is no progress', retriable: false },
  BAD_RESULT: { says: 'That cannot be a job’s result', retriable: false },
  PARTLY_ENQUEUED: { says: 'Only some of the jobs were enqueued', retriable: true },
  UNKNOWN_KIND: { says: 'No job of that kind is defined here', retriable: false },
  ALREADY_RUNNING: { says: 'It runs already', retriable: false },
  NOT_RUNNING: { says: 'It is not running', retriable: false },
  TIMEOUT: { says: 'It took too long', retriable: true },
  CANCELLED: { says: 'The job was cancelled', retriable: false },
  LEASE_LOST: { says: 'The lease on the partition was lost', retriable: true },
  SHUTDOWN: { says: 'The worker is shutting down', retriable: true },
  SANDBOX_EXITED: { says: 'The process of the isolated handler ended during the attempt', retriable: true },
  SANDBOX_OUT_OF_MEMORY: { says: 'The process of the isolated handler took more memory than its kind may', retriable: true },
  SANDBOX_NOT_STARTED: { says: 'No process could be started for the isolated handler', retriable: true },
  EXIT_REFUSED: { says: 'A handler may not end the worker process', retriable: false },

  BROKER_UNAVAILABLE: { says: 'Kafka did not answer', retriable: true },
  BROKER_FENCED: { says: 'Kafka refused: this member no longer owns the partition', retriable: false },
  BROKER_REBALANCING: { says: 'Kafka refused for now: the group is rebalancing', retriable: true },
  BROKER_RECORD_TOO_LARGE: { says: 'Kafka refused the record: too large', retriable: false },
  BROKER_REFUSED: { says: 'Kafka refused the request', retriable: false },
  TOPIC_MISSING: { says: 'The topic does not exist', retriable: false },
  GROUP_IN_USE: { says: 'The consumer group has members that are alive', retriable: false },
  TOPIC_DRIFT: { says: 'The topic is not as declared', retriable: false },

  WIRE_EMPTY: { says: 'The value is empty', retriable: false },
  WIRE_MAGIC: { says: 'The value is not in the Confluent wire format', retriable: false },
  AVRO_UNSAFE: { says: 'The Avro data would not be safe to decode', retriable: false },
  AVRO_TRUNCATED: { says: 'The Avro data ends too early', retriable: false },
  AVRO_TRAILING: { says: 'Bytes are left over after the Avro data', retriable: false },
  AVRO_INVALID: { says: 'The bytes are not valid Avro data', retriable: false },
  AVRO_MISMATCH: { says: 'The Avro data does not fit the schema', retriable: false },
  SCHEMA_UNKNOWN: { says: 'The schema registry knows no such schema', retriable: false },
  SCHEMA_INVALID: { says: 'The schema cannot be used', retriable: false },
  SCHEMA_NOT_LOADED: { says: 'The schema is not loaded yet', retriable: true },
  SCHEMA_INCOMPATIBLE: { says: 'The schema is not compatible', retriable: false },
  REGISTRY_UNAVAILABLE: { says: 'The schema registry did not answer', retriable: true },

  BAD_QUERY: { says: 'The query is not valid', retriable: false },
  JOB_UNKNOWN: { says: 'There is no such job', retriable: false },
  QUEUE_UNKNOWN: { says: 'There is no such queue', retriable: false },
  STATUS_BEHIND: { says: 'The status is behind Kafka', retriable: true },
  STATUS_UNAVAILABLE: { says: 'The status service did not answer', retriable: true },
  TOO_MANY_STREAMS: { says: 'Too many watch jobs already', retriable: true },

  BAD_JSON: { says: 'That is no JSON that can be taken', retriable: false },
  REQUEST_TIMEOUT: { says: 'The request took too long to arrive', retriable: true },
  TENANT_MISSING: { says: 'The request does not say whose it is', retriable: false },
  BAD_IDEMPOTENCY_KEY: { says: 'That is no idempotency key', retriable: false },
  IDEMPOTENCY_KEY_REUSED: { says: 'The idempotency key was used for another request', retriable: false },
  IDEMPOTENCY_KEY_IN_FLIGHT: { says: 'A request with this idempotency key is still under way', retriable: true },
  QUEUE_FULL: { says: 'The queue has more work than it may hold', retriable: true },
  OVERLOADED: { says: 'Too many requests are under way', retriable: true },
  INTAKE_UNAVAILABLE: { says: 'The intake did not accept the job', retriable: true },
  INTAKE_REFUSED: { says: 'The intake refused the job', retriable: false },

  DATABASE_UNAVAILABLE: { says: 'The database did not answer', retriable: true },
  DATABASE_CONFLICT: { says: 'The database refused for now: another transaction is in the way', retriable: true },
  DATABASE_CONSTRAINT: { says: 'The database refused: a constraint forbids it', retriable: false },
  DATABASE_REFUSED: { says: 'The database refused the statement', retriable: false },
  DATABASE_DRIFT: { says: 'The database is not as declared', retriable: false },
  DATABASE_IN_USE: { says: 'Another process has the embedded database open', retriable: false },

  CLAIM_STORE_UNAVAILABLE: { says: 'The store of large payloads did not answer', retriable: true },
  CLAIM_STORE_REFUSED: { says: 'The store of large payloads refused', retriable: false },
  CLAIM_INVALID: { says: 'The reference to a large payload cannot be used', retriable: false },
  CLAIM_MISSING: { says: 'The object of a large payload is not in the store', retriable: true },
  CLAIM_MISMATCH: { says: 'The object of a large payload is not the one that was enqueued', retriable: false },

  NOTHING_TO_RUN_KAFKA: { says: 'There is no Kafka, and nothing to start one with', retriable: false },
  NOTHING_TO_RUN_REGISTRY: { says: 'There is no schema registry, and nothing to start one with', retriable: false },
  EMBEDDED_START_FAILED: { says: 'An embedded service did not start', retriable: false },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
