import { catalogue, type ErrorCode } from './catalogue.ts';

/** What a {@link MillraceError} may carry beside its code. */
export interface ErrorDetail {
  /** What was expected, in words ("a duration such as \"30s\""). */
  readonly expected?: string;
  /** What came instead; shown with {@link describeValue}. */
  readonly got?: unknown;
  /** What the reader should do about it. */
  readonly fix?: string;
  /** Where it happened: a field path, a topic, a setting. */
  readonly at?: string;
  /** What was wrong with a request, field by field, where more is known than `at` says. */
  readonly fields?: readonly { readonly field: string; readonly message: string }[];
  /** When trying again is worth it, in ms from now. */
  readonly retryAfterMs?: number;
  /** The whole text, as another process composed it; nothing is added to it. */
  readonly told?: string;
  readonly cause?: unknown;
}

const mark = Symbol.for('millrace.error');

/**
 * The one error class of millrace. Branch on {@link code} (see `catalogue.ts`), never on the message.
 * The message is composed: what went wrong, where, what was expected, what came, what to do.
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  /** Whether trying the same again later can succeed. */
  readonly retriable: boolean;
  readonly detail: ErrorDetail;
  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    super(compose(code, detail), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.retriable = catalogue[code].retriable;
    this.detail = detail;
  }

  get [mark](): true {
    return true;
  }
}

/** Also true for an error of another copy of this module: an application may load millrace twice. */

export function isMillraceError(error: unknown, code?: ErrorCode): error is MillraceError {
  return error instanceof Error && mark in error && (code === undefined || (error as MillraceError).code === code);
}

function compose(code: ErrorCode, detail: ErrorDetail): string {
  if (detail.told !== undefined) return detail.told;
  let text = catalogue[code].says;
  if (detail.at !== undefined) text += ` (${detail.at})`;
  if (detail.expected !== undefined) text += `: expected ${detail.expected}`;
  if ('got' in detail) text += `${detail.expected === undefined ? ':' : ','} got ${describeValue(detail.got)}`;
  if (detail.fix !== undefined) text += `. ${detail.fix}`;
  return text;
}

/** Shows a value in an error message: short, typed, and safe for anything that can be thrown or passed. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Error) return describeError(value);
  return `an object with keys ${Object.keys(value).slice(0, 5).join(', ') || '(none)'}`;
}

/** Where a name has several addresses, Node's error of a connection says nothing itself: each of its errors tells of one. */
function describeError(error: Error): string {
  const [first] = error.message === '' && error instanceof AggregateError ? (error.errors as readonly unknown[]) : [];
  return first instanceof Error && !(first instanceof AggregateError) ? describeError(first) : `${error.name}: ${error.message.slice(0, 80)}`;
}
