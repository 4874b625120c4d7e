import { pino, stdSerializers, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { ErrorCode } from '../errors/catalogue.ts';
import { isMillraceError, type MillraceError } from '../errors/MillraceError.ts';
import { describeFailure } from '../jobs/describeFailure.ts';
import type { JobLogger } from '../jobs/jobContext.ts';
import { systemClock, type Clock } from './clock.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A structured logger: one JSON object a line. Pass an error as `{ err }`. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Which service writes: `worker`, `api`. */
  readonly service: string;
  /** Which process of it. */
  readonly workerId?: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Where lines go; standard output when left out. */
  readonly destination?: DestinationStream;
}

/** A logger whose every line says time (RFC 3339), level (as a word), service and worker id. */
export function createLogger({ level, service, workerId, clock = systemClock, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: workerId === undefined ? { service } : { service, workerId },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => serializeError(error, clock.now()) },
    },
    destination,
  );
}

/** What a job's log lines say beside their message. */
export interface JobLogFields {
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
  readonly partition: number;
  readonly offset: number;
  readonly attempt: number;
}

/** A logger for one attempt. Making it costs microseconds: make it when the handler asks, not for every job. */
export function createJobLogger(logger: Logger, fields: JobLogFields): JobLogger {
  return logger.child(fields);
}

/** Where what is away is looked for. */
const settings: Partial<Record<ErrorCode, string>> = { BROKER_UNAVAILABLE: 'KAFKA_BROKERS', REGISTRY_UNAVAILABLE: 'SCHEMA_REGISTRY_URL', DATABASE_UNAVAILABLE: 'DATABASE_URL' };

/** An outage is told at each try: where it was met in the code says nothing. The message holds its cause's text already. */
function serializeOurs(error: MillraceError): object {
  const { name: type, code, message } = error;
  const setting = settings[code];
  return error.retriable ? { type, code, message, ...(setting === undefined ? {} : { setting }) } : { ...stdSerializers.err(error), message };
}

/** Errors of handlers may be anything, also objects whose getters throw; a log line must not fail for that. */
function serializeError(error: unknown, now: number): unknown {
  try {
    const plain = isMillraceError(error) ? serializeOurs(error) : error instanceof Error ? stdSerializers.err(error) : describeFailure(error, now);
    // What cannot be written as JSON shows here, not in the middle of a log line.
    return JSON.parse(JSON.stringify(plain)) as unknown;
  } catch {
    return describeFailure(error, now);
  }
}
