import { id, queueName, text, maybeText, time, maybeTime, whole } from './schemas.ts';

const bounded = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength } as const);
const manyTexts = (maxLength: number, maxItems = 1000) => ({ type: 'array', minItems: 1, maxItems, items: bounded(maxLength) } as const);
/** No white space, nor what a path or a comma-separated list would part. */
const tag = { type: 'string', pattern: '^[A-Za-z0-9._:@-]{1,64}$', description: 'A word: letters, digits, ". _ : @ -".' } as const;

const selection = {
  ids: manyTexts(300), kind: bounded(256), errorCode: bounded(256), fingerprint: bounded(64), keys: manyTexts(1024), tags: { ...manyTexts(64), description: 'Bears one of them.' },
  from: { ...time, description: 'Buried at or after.' }, to: { ...time, description: 'Buried before.' },
} as const;

const sendingBody = {
  ...selection,
  // Without a type: else null and texts would be taken for yes or no.
  all: { enum: [true, false], default: false, description: 'All dead jobs of the queue; needed where nothing is selected.' },
  max: { type: 'integer', minimum: 1, maximum: 100_000, default: 1000, description: 'No more than so many: of each partition the first in their lanes.' },
  perSecond: { type: 'number', exclusiveMinimum: 0, maximum: 100_000, description: 'No faster than this.' },
  dryRun: { enum: [true, false], default: false, description: 'Only counts, and shows some.' },
} as const;

export const redriveManyBody = { type: 'object', additionalProperties: false, properties: sendingBody } as const;
export const discardManyBody = { type: 'object', additionalProperties: false, properties: { ...sendingBody, reason: bounded(1000) } } as const;
export const redriveOneBody = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    payload: { description: 'To run with instead, as the intake takes it; the dead-letter topic keeps the old one.' },
    schema: { type: 'string', enum: ['latest', 'own'], default: 'latest', description: 'By which schema it is written: the latest of its subject, or the one that the job was written by.' },
  },
} as const;
export const discardOneBody = { type: ['object', 'null'], additionalProperties: false, properties: { reason: bounded(1000) } } as const;
export const pauseBody = { type: ['object', 'null'], additionalProperties: false, properties: { kind: bounded(256), key: bounded(1024) }, description: 'Left out: the whole queue. Not both.' } as const;

export const deadQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    id: manyTexts(300, 50), kind: selection.kind, errorCode: selection.errorCode, fingerprint: selection.fingerprint, key: manyTexts(1024, 50), tag: manyTexts(64, 50), from: selection.from, to: selection.to,
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
    cursor: { type: 'string', maxLength: 1024 },
  },
} as const;

export const sendingParams = { type: 'object', required: ['id'], properties: { id: bounded(100) } } as const;
export const tagParams = { type: 'object', required: ['id', 'tag'], properties: { id, tag } } as const;
export const tagRuleBody = {
  type: 'object', additionalProperties: false, required: ['tag'], minProperties: 2,
  properties: { tag, queue: queueName, kind: selection.kind, errorCode: selection.errorCode, fingerprint: selection.fingerprint },
  description: 'All that is given must hold.',
} as const;

export const commandedSchema = {
  $id: 'Commanded',
  type: 'object',
  description: 'Kafka has the command; the job\'s owner carries it out when it reads it, which is soon.',
  required: ['id', 'command', 'at'],
  properties: { id: text, command: text, at: { ...text, description: 'The job\'s main record: queue/partition/offset.' } },
} as const;

export const sendingSchema = {
  $id: 'Sending',
  type: 'object',
  description: 'Commands about many jobs on their way.',
  required: ['id', 'queue', 'command', 'state', 'selected', 'sent'],
  properties: {
    id: text, queue: text, command: text,
    state: { type: 'string', enum: ['running', 'done', 'failed', 'stopped', 'lost'], description: 'lost: its process ended; ask for the same again, nothing is done twice.' },
    selected: whole, sent: { ...whole, description: 'Fewer than selected in the end: dead letters that are not kept any more.' }, error: maybeText, startedAt: time,
  },
} as const;

export const rehearsalSchema = {
  $id: 'Rehearsal',
  type: 'object',
  description: 'What would be done.',
  required: ['dryRun', 'matching', 'selected', 'groups', 'sample'],
  properties: {
    dryRun: { type: 'boolean' }, matching: { ...whole, description: 'Counted to 100,000 at most.' }, selected: { ...whole, description: 'The same, cut by max.' },
    groups: { type: 'array', items: { type: 'object', properties: { kind: maybeText, errorCode: maybeText, fingerprint: maybeText, message: maybeText, jobs: whole } }, description: 'By kind and error, the most first.' },
    sample: { type: 'array', items: { $ref: 'Job#' } },
  },
} as const;

const failure = { type: ['object', 'null'], properties: { code: text, name: text, message: text, at: maybeTime } } as const;
export const deadJobSchema = {
  $id: 'DeadJob',
  type: 'object',
  description: 'A job with all that its dead letter holds.',
  required: ['job', 'deadLetter', 'headers', 'events'],
  properties: {
    job: { $ref: 'Job#' },
    deadLetter: { ...text, description: 'Where it lies: topic/partition/offset.' }, buriedAt: time, attempts: whole, reason: { ...text, description: 'Why it was buried.' },
    schema: { ...maybeText, description: 'Full name of its writer\'s schema.' }, payload: {}, payloadFlaw: { ...maybeText, description: 'Why it cannot be read.' }, valueBytes: whole,
    headers: { type: 'object', additionalProperties: text, description: 'As text; bytes that are none as base64, after "base64:".' },
    lastError: failure, firstError: failure,
    events: { type: 'array', items: { $ref: 'TimelineEvent#' } },
  },
} as const;

export const pausesSchema = {
  $id: 'Pauses',
  type: 'object',
  required: ['pauses'],
  properties: {
    pauses: {
      type: 'array',
      items: {
        type: 'object', required: ['type', 'partitions', 'since'],
        properties: { type: { type: 'string', enum: ['queue', 'kind', 'key'] }, kind: text, key: text, keyHex: { ...text, description: 'Of a key that is no text.' }, partitions: { type: 'array', items: whole }, since: time },
      },
    },
  },
} as const;

export const tagRuleSchema = {
  $id: 'TagRule',
  type: 'object',
  required: ['id', 'tag', 'since'],
  properties: { id: text, tag: text, queue: maybeText, kind: maybeText, errorCode: maybeText, fingerprint: maybeText, since: { ...time, description: 'It tags what is buried from then on.' } },
} as const;
