import { overlapPolicies } from '../../../shared/schedules/schedule.ts';

const text = { type: 'string' } as const;
const maybeText = { type: ['string', 'null'] } as const;
const time = { type: 'string', format: 'date-time' } as const;
const maybeTime = { type: ['string', 'null'], format: 'date-time' } as const;
const whole = { type: 'integer' } as const;
const maybeWhole = { type: ['integer', 'null'] } as const;
const span = { type: 'string', maxLength: 64 } as const;
const overlap = { type: 'string', enum: [...overlapPolicies], description: 'What a tick does while the run before is under way.' } as const;

export const nameParams = { type: 'object', required: ['name'], properties: { name: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,150}$' } } } as const;

const timing = {
  cron: { type: 'string', maxLength: 256, description: 'Five fields, or six with seconds. Either it or `every`.' },
  timezone: { type: 'string', maxLength: 64, description: 'IANA name. Default UTC.' },
  every: { ...span, description: 'At multiples of this since 1970, such as "5m".' },
  offset: { ...span, description: 'Shifts the ticks of `every`.' },
  startAt: { ...time, description: 'No tick before.' },
  endAt: { ...time, description: 'No tick after.' },
} as const;

export const scheduleBodySchema = {
  $id: 'ScheduleBody',
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'queue', 'payload'],
  properties: {
    kind: { type: 'string', minLength: 1, maxLength: 200 },
    queue: { type: 'string', minLength: 1, maxLength: 224 },
    schema: { type: 'string', minLength: 1, maxLength: 512, description: 'Subject in the schema registry that the payload is written by. Default: the kind\'s name.' },
    payload: { description: 'The fields of that schema; forms as in the intake.' },
    key: { type: 'string', minLength: 1, maxLength: 1024, description: 'The entity. Needed unless the kind\'s order is none.' },
    ...timing,
    overlap,
    catchUp: { ...span, description: 'Missed ticks are made up for if they are not older. Default 365d.' },
    jitter: span,
    limit: { type: 'integer', minimum: 1, description: 'Runs by ticks, then no more.' },
    note: { type: 'string', maxLength: 500 },
  },
} as const;

const run = {
  type: 'object',
  properties: { jobId: text, tick: time, cause: text, at: time, end: { ...maybeText, description: 'Null: under way, or not followed.' } },
} as const;

export const scheduleSchema = {
  $id: 'Schedule',
  type: 'object',
  required: ['name', 'kind', 'queue', 'overlap', 'next', 'counts'],
  properties: {
    name: text, kind: text, queue: text, key: maybeText, cron: maybeText, timezone: text, everyMs: maybeWhole, offsetMs: whole, startAt: maybeTime, endAt: maybeTime, overlap,
    catchUpMs: whole, jitterMs: whole, limit: maybeWhole, note: maybeText, putAt: time,
    paused: { type: ['object', 'null'], properties: { at: time, note: maybeText } },
    next: { type: 'array', items: time }, running: { type: 'array', items: run }, buffered: { type: 'array', items: time }, bufferedCount: whole,
    counts: { type: 'object', properties: { started: whole, ticked: whole, skipped: whole, pausedOver: whole, missed: whole, cancelled: whole } },
    recent: { type: 'array', items: run },
  },
} as const;

export const timingBody = {
  type: 'object', additionalProperties: false, properties: { ...timing, count: { type: 'integer', minimum: 1, maximum: 1000 }, after: time },
} as const;
export const pauseBody = { type: ['object', 'null'], additionalProperties: false, properties: { note: { type: 'string', maxLength: 500 } } } as const;
export const runBody = { type: ['object', 'null'], additionalProperties: false, properties: { overlap } } as const;
export const backfillBody = { type: 'object', additionalProperties: false, required: ['from', 'to'], properties: { from: time, to: time, overlap } } as const;
