import { jobStates } from '../../../shared/status/jobState.ts';
import { minuteColumns } from '../../../shared/status/tally.ts';

export const text = { type: 'string' } as const;
export const maybeText = { type: ['string', 'null'] } as const;
export const time = { type: 'string', format: 'date-time' } as const;
export const maybeTime = { type: ['string', 'null'], format: 'date-time' } as const;
export const whole = { type: 'integer' } as const;
const maybeNumber = { type: ['number', 'null'] } as const;
/** As Kafka allows them in names, and as long. */
export const queueName = { type: 'string', pattern: '^[A-Za-z0-9._-]{1,249}$' } as const;
export const id = { type: 'string', minLength: 1, maxLength: 300 } as const;
const state = { type: 'string', enum: [...jobStates] } as const;

export const jobSchema = {
  $id: 'Job',
  type: 'object',
  required: ['id', 'queue', 'state', 'attempts', 'createdAt', 'enqueuedAt', 'changedAt', 'at'],
  properties: {
    id: text, queue: text, kind: maybeText, key: maybeText, state,
    reason: { ...maybeText, description: 'Why it waits, or was buried or cancelled.' },
    due: { ...maybeTime, description: 'When it may run, where known.' },
    attempts: whole, createdAt: time, enqueuedAt: time, startedAt: maybeTime, finishedAt: maybeTime, changedAt: time, worker: maybeText,
    error: { type: ['object', 'null'], properties: { code: text, message: text, fingerprint: { ...text, description: 'The same for occurrences of one error.' } } },
    progress: { ...maybeNumber, description: 'From 0 to 1.' }, note: { ...maybeText, description: 'What the attempt is at; of a discarded job, why it was given up.' },
    result: { description: 'What its handler gave; {"$claim": "…"}: it lies there.' }, source: maybeText, payload: {}, payloadFlaw: { ...maybeText, description: 'Why no payload is shown.' },
    duplicate: { type: 'boolean', description: 'Dropped: a job of its id had run.' },
    duplicates: { ...whole, description: 'Later jobs of its id that were dropped as doubles.' },
    tags: { type: 'array', items: text },
    at: { ...text, description: 'Its main record: queue/partition/offset.' },
  },
} as const;

export const timelineEventSchema = {
  $id: 'TimelineEvent',
  type: 'object',
  required: ['n', 'at', 'type', 'attempt'],
  properties: {
    n: { ...whole, description: 'Counts its events; gaps are what a very long history dropped.' }, at: time, type: text, attempt: whole, reason: maybeText, due: maybeTime,
    error: { type: ['object', 'null'], properties: { code: text, message: text } }, note: maybeText, progress: { ...maybeNumber, description: 'From 0 to 1; the last of its attempt.' }, worker: maybeText,
  },
} as const;

export const timelineSchema = {
  $id: 'Timeline',
  type: 'object',
  required: ['id', 'events'],
  properties: {
    id: text,
    events: {
      type: 'array',
      items: { $ref: 'TimelineEvent#' },
    },
  },
} as const;

export const explanationSchema = {
  $id: 'Explanation',
  type: 'object',
  required: ['summary', 'causes'],
  properties: {
    summary: { ...text, description: 'One sentence: the nearest cause.' },
    causes: { type: 'array', items: { type: 'object', required: ['code', 'text'], properties: { code: text, text } } },
    ahead: {
      type: 'object',
      properties: { count: whole, first: { type: 'array', items: { type: 'object', properties: { id: text, state: text, reason: maybeText, due: maybeTime } } } },
      description: 'Jobs of its entity that come first.',
    },
    due: maybeTime,
    unreadBefore: { ...maybeNumber, description: 'Records of its partition that workers have yet to take in, up to it.' },
    workers: { ...maybeNumber, description: 'Members of the queue\'s group.' },
    statusBehind: { ...maybeNumber, description: 'Records of its partition that the status has yet to read.' },
  },
} as const;

const counts = { type: 'object', properties: Object.fromEntries(jobStates.map((name) => [name, whole])) } as const;
export const queueSchema = {
  $id: 'Queue',
  type: 'object',
  required: ['queue', 'counts'],
  properties: {
    queue: text, counts, kinds: { type: 'object', additionalProperties: counts },
    lag: { ...maybeNumber, description: 'Records of the main topic that workers have not settled; null: Kafka did not answer.' },
    statusLag: { ...maybeNumber, description: 'Records of all its topics that the status has yet to read.' },
    oldestQueuedAt: maybeTime, oldestWaitingAt: maybeTime,
    perMinute: { type: 'object', properties: Object.fromEntries(minuteColumns.map((name) => [name, { type: 'number' }])), description: 'On average over the last full minutes.' },
    windowMinutes: whole,
    workers: { type: 'array', items: { type: 'object', properties: { worker: text, partitions: whole, seenAt: { ...maybeTime, description: 'When it last told of a job.' } } }, description: 'Members of the queue\'s group; where Kafka does not answer, who last told of a job.' },
  },
} as const;

export const idParams = { type: 'object', required: ['id'], properties: { id } } as const;
export const queueParams = { type: 'object', required: ['queue'], properties: { queue: queueName } } as const;

export const readQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { after: { type: 'string', maxLength: 300, description: 'Where its main record stands, as intake says it: queue/partition/offset. Spares waiting.' } },
} as const;

const bounded = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength } as const);
export const listQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    queue: queueName, kind: bounded(256), key: bounded(1024), id, reason: bounded(64),
    state: { type: 'array', items: state, maxItems: jobStates.length, description: 'One or several.' },
    from: { ...time, description: 'Enqueued at or after.' }, to: { ...time, description: 'Enqueued before.' },
    errorCode: bounded(256), fingerprint: bounded(64), errorText: { ...bounded(256), description: 'Occurs in the error\'s message.' },
    tag: { type: 'array', maxItems: 50, items: bounded(64), description: 'Bears one of them.' },
    payload: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 1024, pattern: '^[^=]+=' }, description: 'A field and its value: payload=address.city=Porto, or payload.address.city=Porto.' },
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
    cursor: { type: 'string', maxLength: 1024 },
  },
  patternProperties: { '^payload\\.[^=]{1,512}$': { type: 'string', maxLength: 1024 } },
} as const;

export const jobPageSchema = {
  $id: 'JobPage',
  type: 'object',
  required: ['jobs', 'cursor'],
  properties: { jobs: { type: 'array', items: { $ref: 'Job#' } }, cursor: { ...maybeText, description: 'Give it back for the next page; null: this was the last.' } },
} as const;
