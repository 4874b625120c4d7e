/** Every header name that millrace writes or reads. Wire names are API: they are added, never renamed. */
export const headerNames = {
  specVersion: 'ce_specversion',
  id: 'ce_id',
  kind: 'ce_type',
  source: 'ce_source',
  time: 'ce_time',
  /** Retry and DLQ: the entity's key, whose place as the record key is taken there. Bytes as in the main topic. */
  partitionKey: 'ce_partitionkey',
  contentType: 'content-type',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  /** Main: epoch ms; do not run earlier. */
  notBefore: 'mr_not_before',
  /** Main: ms; of the records of this id and key in this time after the first is settled, only the first runs. */
  uniqueFor: 'mr_unique_for',
  /** Main: the schedule that the job is a run of. */
  schedule: 'mr_schedule',
  /** Main: epoch ms; the tick that the run stands for. */
  tick: 'mr_tick',
  /** Retry, DLQ: attempts made. */
  attempt: 'mr_attempt',
  /** Retry: epoch ms: when it is due; on marks: until when they count. */
  due: 'mr_due',
  /** Retry: why it waits, or `void`, `lease`, `applied`, `paused`, `seen`. DLQ: why it was buried. */
  reason: 'mr_reason',
  /** Retry, DLQ: `topic/partition/offset/timestamp` of the main record. */
  origin: 'mr_origin',
  /** DLQ, and on redrives of what lies there: offset in the DLQ of the burial that the job's last redrive answered; `never`. */
  redriven: 'mr_redriven',
  error: 'mr_error',
  firstError: 'mr_first_error',
  /** Retry: lease epoch of the writer. */
  epoch: 'mr_epoch',
  /** Retry: the writer's sequence number within its epoch: tells a doubled or late write from a new one. */
  sequence: 'mr_seq',
  /** Retry: an operator's wish: `redrive`, `discard`, `cancel`, `run-now`, `pause`, `resume`. */
  command: 'mr_command',
  /** Retry, on commands: why, in the operator's words. */
  note: 'mr_note',
  /** Retry: `1` when the job's value is null; a record that must survive compaction cannot have a null value itself. */
  nullValue: 'mr_null',
} as const;

/** What every job's value is: Avro in Confluent's wire format. */
export const CONTENT_TYPE = 'application/vnd.confluent.avro';
export const SPEC_VERSION = '1.0';
