import type { JobRow } from './jobRow.ts';

type Field = Exclude<keyof JobRow, 'partition' | 'place'>;

interface Column {
  readonly field: Field;
  readonly name: string;
  /** SQL type in which it travels. */
  readonly type: string;
  /** Said by the main record alone: a change by an event leaves it as it is. */
  readonly main?: true;
}

/** How a job stands in its table, beside queue, partition and place. */
export const jobColumns: readonly Column[] = [
  { field: 'id', name: 'id', type: 'text', main: true },
  { field: 'kind', name: 'kind', type: 'text' },
  { field: 'key', name: 'key', type: 'text', main: true },
  { field: 'state', name: 'state', type: 'text' },
  { field: 'reason', name: 'reason', type: 'text' },
  { field: 'dueMs', name: 'due_ms', type: 'bigint' },
  { field: 'attempt', name: 'attempt', type: 'integer' },
  { field: 'createdMs', name: 'created_ms', type: 'bigint', main: true },
  { field: 'enqueuedMs', name: 'enqueued_ms', type: 'bigint', main: true },
  { field: 'notBeforeMs', name: 'not_before_ms', type: 'bigint', main: true },
  { field: 'startedMs', name: 'started_ms', type: 'bigint' },
  { field: 'finishedMs', name: 'finished_ms', type: 'bigint' },
  { field: 'changedMs', name: 'changed_ms', type: 'bigint' },
  { field: 'worker', name: 'worker', type: 'text' },
  { field: 'errorCode', name: 'error_code', type: 'text' },
  { field: 'errorMessage', name: 'error_message', type: 'text' },
  { field: 'fingerprint', name: 'fingerprint', type: 'text' },
  { field: 'progress', name: 'progress', type: 'real' },
  { field: 'note', name: 'note', type: 'text' },
  { field: 'result', name: 'result', type: 'text' },
  { field: 'source', name: 'source', type: 'text', main: true },
  { field: 'valueBytes', name: 'value_bytes', type: 'integer', main: true },
  { field: 'payload', name: 'payload', type: 'text', main: true },
  { field: 'payloadFlaw', name: 'payload_flaw', type: 'text', main: true },
  { field: 'known', name: 'known', type: 'boolean', main: true },
  { field: 'told', name: 'told', type: 'boolean' },
  { field: 'duplicate', name: 'duplicate', type: 'boolean' },
  { field: 'burial', name: 'burial', type: 'bigint' },
  { field: 'buriedMs', name: 'buried_ms', type: 'bigint' },
  { field: 'redriven', name: 'redriven', type: 'bigint' },
  { field: 'discarded', name: 'discarded', type: 'bigint' },
  { field: 'discardNote', name: 'discard_note', type: 'text' },
  { field: 'entries', name: 'entries', type: 'integer' },
  { field: 'timeline', name: 'timeline', type: 'jsonb' },
];

/** The columns in which a job is read back to be folded into: all but its payload. Quoted names are the fields'. */
export const foldColumns = ['partition', 'place', ...jobColumns.filter(({ field }) => field !== 'payload').map(({ field, name }) => `${name} as "${field}"`), 'null as "payload"'].join(', ');
