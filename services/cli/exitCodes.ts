import type { MillraceError } from '../../shared/errors/MillraceError.ts';
import type { ErrorCode } from '../../shared/errors/catalogue.ts';

/** How commands end. They are API: scripts branch on them. */
export const exitCodes = {
  ok: 0,
  /** It failed, or it found problems (doctor, topics plan, jobs that died in a replay). */
  failed: 1,
  /** The command line, a setting or what was given to it (a payload, a range) is wrong. */
  usage: 2,
  /** There is no such job, queue, kind, schema or topic; or a selection meant nothing. */
  notFound: 3,
  /** Kafka, the registry or the status service did not answer, or asks to try again. */
  unreachable: 4,
  /** Not done, for it may do harm or somebody is in the way; the message says what would do it. */
  refused: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For the docs and the help: code and meaning. */
export const exitCodeMeanings: readonly (readonly [code: ExitCode | 130, meaning: string])[] = [
  [exitCodes.ok, 'done'],
  [exitCodes.failed, 'failed, or problems were found (`doctor`, `topics plan`, jobs that died in a `replay`)'],
  [exitCodes.usage, 'the command line, a setting or something given (a payload, a range) is wrong'],
  [exitCodes.notFound, 'no such job, queue, kind, schema or topic; or a selection meant no job'],
  [exitCodes.unreachable, 'Kafka, the registry or the status service did not answer: try again'],
  [exitCodes.refused, 'not done, because it may do harm or somebody is in the way; the message says what would do it'],
  [130, 'interrupted'],
];

const byCode: Partial<Record<ErrorCode, ExitCode>> = {
  JOB_UNKNOWN: exitCodes.notFound,
  QUEUE_UNKNOWN: exitCodes.notFound,
  TOPIC_MISSING: exitCodes.notFound,
  UNKNOWN_KIND: exitCodes.notFound,
  SCHEMA_UNKNOWN: exitCodes.notFound,
  SCHEDULE_UNKNOWN: exitCodes.notFound,
  TAG_RULE_UNKNOWN: exitCodes.notFound,
  UNAUTHORIZED: exitCodes.usage,
  CLAIM_NO_STORE: exitCodes.usage,
  GROUP_IN_USE: exitCodes.refused,
  NEEDS_FORCE: exitCodes.refused,
};

export function exitCodeOf(error: MillraceError): ExitCode {
  const known = byCode[error.code];
  if (known !== undefined) return known;
  if (error.code.startsWith('BAD_')) return exitCodes.usage;
  return error.retriable ? exitCodes.unreachable : exitCodes.failed;
}
