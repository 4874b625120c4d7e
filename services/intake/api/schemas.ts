import { submissionSchema } from '../../../shared/intake/submission.ts';

const text = { type: 'string' } as const;

export const acceptedSchema = {
  $id: 'Accepted',
  type: 'object',
  description: 'Kafka has the job on all in-sync replicas.',
  required: ['id', 'kind', 'queue', 'at'],
  properties: { id: text, kind: text, queue: text, at: { ...text, description: 'Its main record: queue/partition/offset. The status API takes it as `after`.' } },
} as const;

export const batchLineSchema = {
  $id: 'BatchLine',
  type: 'object',
  additionalProperties: false,
  required: submissionSchema.required,
  properties: {
    ...submissionSchema.properties,
    idempotencyKey: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$', description: 'Of this line. Left out: the request\'s own with "/" and the line\'s number, if it has one.' },
  },
} as const;

export const batchResultSchema = {
  $id: 'BatchResult',
  type: 'object',
  description: 'What became of one line, in the order of the lines; blank ones have none.',
  required: ['line', 'status'],
  properties: {
    line: { type: 'integer', description: 'From 1.' }, status: { type: 'integer', description: 'As the answer to a single post.' },
    job: { $ref: 'Accepted#' }, problem: { $ref: 'Problem#' }, retryAfter: { type: 'integer', description: 'Seconds, where trying again is worth it.' },
  },
} as const;

export const requestHeaders = {
  type: 'object',
  properties: {
    'idempotency-key': { type: 'string', description: '1 to 255 visible ASCII characters. The same key with the same body gets the same answer, and one job.' },
    traceparent: { type: 'string', description: 'W3C trace context; travels with the job.' },
    tracestate: { type: 'string' },
  },
} as const;

const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } } }) as const;

/** Refusals, for the description; what is answered goes another way. */
export const refusals = {
  400: problem('Not JSON that can be taken, or a header is wrong'),
  404: problem('No such kind'),
  408: problem('The request came too slowly'),
  409: problem('A request with this idempotency key is under way'),
  413: problem('Too large'),
  415: problem('Another content type, or an encoding'),
  422: problem('A field is wrong, or the idempotency key was used for another body'),
  503: problem('Try again after Retry-After: too much work, no Kafka, a stop'),
} as const;
