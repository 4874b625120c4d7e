import { catalogue, type ErrorCode } from '../errors/catalogue.ts';
import { didYouMean } from '../errors/didYouMean.ts';
import { isMillraceError, type MillraceError } from '../errors/MillraceError.ts';

/** A failure as RFC 9457 says it, with the catalogue's code. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** What the request got wrong, by path. */
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

export const PROBLEM_TYPE = 'application/problem+json';

/** JSON schema of {@link Problem}. */
export const problemSchema = {
  $id: 'Problem',
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' }, code: { type: 'string' },
    errors: { type: 'array', items: { type: 'object', required: ['field', 'message'], properties: { field: { type: 'string' }, message: { type: 'string' } } } },
  },
} as const;

/** Codes that a request earns, with their status; all others are the server's own trouble: 503 where trying again helps, else 500. */
const statuses: Partial<Record<ErrorCode, number>> = {
  BAD_QUERY: 400,
  JOB_UNKNOWN: 404,
  QUEUE_UNKNOWN: 404,
  UNAUTHORIZED: 401,
  WRONG_STATE: 409,
  DEAD_LETTER_GONE: 410,
  SENDING_UNKNOWN: 404,
  TAG_RULE_UNKNOWN: 404,
  BAD_COMMAND: 422,
  BAD_PAYLOAD: 422,
  UNKNOWN_KIND: 404,
  BAD_ENQUEUE_OPTION: 422,
  BROKER_RECORD_TOO_LARGE: 413,
  TOO_MANY_STREAMS: 503,
  BAD_DURATION: 422,
  BAD_WEBHOOK: 422,
  WEBHOOK_UNKNOWN: 404,
  TOO_MANY_WEBHOOKS: 409,
  BAD_SCHEDULE: 422,
  SCHEDULE_UNKNOWN: 404,
  BAD_JSON: 400,
  REQUEST_TIMEOUT: 408,
  TENANT_MISSING: 400,
  BAD_IDEMPOTENCY_KEY: 400,
  IDEMPOTENCY_KEY_REUSED: 422,
  IDEMPOTENCY_KEY_IN_FLIGHT: 409,
};

interface HttpFailure extends Error {
  readonly statusCode?: number;
  readonly code?: string;
  readonly validationContext?: string;
  readonly validation?: readonly { readonly instancePath: string; readonly message?: string; readonly params?: Fault['params']; readonly parentSchema?: Fault['parentSchema'] }[];
}

/** What a schema found wrong, as the validator tells it when it is told to be verbose. */
interface Fault {
  readonly message?: string;
  readonly params?: { readonly missingProperty?: string; readonly additionalProperty?: string; readonly allowedValues?: readonly unknown[]; readonly allowedValue?: unknown; readonly format?: string };
  readonly parentSchema?: { readonly properties?: Readonly<Record<string, unknown>> };
}

/** Says any failure of a request as a problem. What is nobody's business (a defect's message, what a database says) is left out. */
export function toProblem(error: unknown): Problem {
  if (isMillraceError(error)) return ofOurs(error);
  const failure = error as HttpFailure;
  if (failure instanceof Error && failure.validation !== undefined) {
    const errors = failure.validation.map(({ instancePath, message, params, parentSchema }) => {
      const path = [failure.validationContext === 'querystring' ? 'query' : failure.validationContext, ...instancePath.split('/').slice(1), params?.missingProperty ?? params?.additionalProperty].filter((part) => part !== undefined);
      return { field: path.join('.'), message: explainFault({ message, params, parentSchema }) };
    });
    const status = failure.validationContext === 'body' ? 422 : 400;
    return { ...make(status, 'REQUEST_INVALID', 'The request is not valid', errors.map(({ field, message }) => `${field} ${message}`).join('; ')), errors };
  }
  const status = failure instanceof Error ? failure.statusCode ?? 500 : 500;
  if (status >= 500) return make(500, 'INTERNAL', 'Something went wrong here', 'The log tells more.');
  return make(status, failure.code ?? 'REQUEST_INVALID', 'The request is not valid', failure.message);
}

/** The validator's words where they do; what is allowed, and what was probably meant, is for people to read. */
function explainFault({ message = 'is not valid', params, parentSchema }: Fault): string {
  if (params?.allowedValues !== undefined) return `must be one of ${params.allowedValues.map((value) => JSON.stringify(value)).join(', ')}`;
  if (params?.allowedValue !== undefined) return `must be ${JSON.stringify(params.allowedValue)}`;
  if (params?.additionalProperty !== undefined) {
    const meant = didYouMean(params.additionalProperty, Object.keys(parentSchema?.properties ?? {}));
    return `is not known here${meant === null ? '' : `; did you mean ${JSON.stringify(meant)}?`}`;
  }
  if (params?.format === 'date-time') return 'must be a time such as "2026-02-28T12:00:00Z"; leap seconds are none';
  return params?.missingProperty === undefined ? message : 'is missing';
}

/** What they say besides is SQL, addresses and other people's values: for the log. */
const ownBusiness: readonly ErrorCode[] = ['DATABASE_UNAVAILABLE', 'DATABASE_CONFLICT', 'DATABASE_CONSTRAINT', 'DATABASE_REFUSED', 'DATABASE_DRIFT', 'DATABASE_IN_USE'];

/** What of a failure may be told to whoever asks; the log has the rest. */
export function tellableMessage(error: unknown): string {
  if (!isMillraceError(error)) return 'Something went wrong here. The log tells more.';
  return ownBusiness.includes(error.code) ? `${catalogue[error.code].says}. The log tells more.` : error.message;
}

function ofOurs(error: MillraceError): Problem {
  const status = statuses[error.code] ?? (error.retriable ? 503 : 500);
  const { fields } = error.detail;
  return { ...make(status, error.code, catalogue[error.code].says, tellableMessage(error)), ...(fields === undefined ? {} : { errors: fields }) };
}

function make(status: number, code: string, title: string, detail: string): Problem {
  return { type: 'about:blank', title, status, detail, code };
}
