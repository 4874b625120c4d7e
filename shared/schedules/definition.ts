import { didYouMean } from '../errors/didYouMean.ts';
import { MillraceError } from '../errors/MillraceError.ts';
import { parseDuration } from '../jobs/duration.ts';
import { overlapPolicies, type JobSchedule, type KindSchedule, type OverlapPolicy, type ScheduleOptions } from './schedule.ts';
import { LATEST_TICK_MS, MOST_EVERY_MS, createTicker, readTiming, type Timing } from './timing.ts';

/** A schedule's rules, checked. */
export interface ScheduleRules {
  readonly name: string;
  readonly timing: Timing;
  readonly overlap: OverlapPolicy;
  readonly catchUpMs: number;
  readonly jitterMs: number;
  readonly limit: number | null;
  readonly note: string | null;
}

/** A schedule as it is written down: its rules, and the job that each tick makes, encoded when it was put. */
export interface Definition extends ScheduleRules {
  readonly kind: string;
  readonly queue: string;
  readonly key: string | null;
  /** Avro in Confluent's wire format. */
  readonly value: Buffer;
  /** Epoch ms. */
  readonly putMs: number;
}

/**
 * A year, as Temporal has it: a run that silently never was costs more than a late one, and with any overlap policy but `allow-all` what comes
 * late comes one by one.
 */
const DEFAULT_CATCH_UP = '365d';
/** A tick is always some ms late. */
const LEAST_CATCH_UP_MS = 10_000;
const MAX_NOTE_LENGTH = 500;
const LAST_DATE_MS = 8.64e15;
const nameForm = /^[A-Za-z0-9._:-]{1,150}$/;

const ruleNames = ['name', 'cron', 'timezone', 'every', 'offset', 'startAt', 'endAt', 'overlap', 'catchUp', 'jitter', 'limit', 'note', 'key'] as const satisfies (keyof ScheduleOptions)[];
const jobNames = ['job', 'payload'] as const satisfies (keyof JobSchedule)[];
const kindNames = ['kind', 'queue', 'schema', 'payload'] as const satisfies (keyof KindSchedule)[];
const allNames: readonly string[] = [...new Set([...ruleNames, ...jobNames, ...kindNames])];

/** @throws MillraceError BAD_SCHEDULE, BAD_DURATION */
export function readRules(given: ScheduleOptions): ScheduleRules {
  if (typeof given !== 'object' || given === null) refuse('schedule', 'an object', given);
  for (const name of Object.keys(given)) {
    if (allNames.includes(name)) continue;
    const meant = didYouMean(name, allNames);
    throw new MillraceError('BAD_SCHEDULE', { at: name, expected: `one of ${allNames.join(', ')}`, got: name, ...(meant === null ? {} : { fix: `Did you mean ${meant}?` }) });
  }
  const { name, overlap = 'skip', catchUp = DEFAULT_CATCH_UP, jitter, limit, note, key } = given;
  mustBeName(name);
  if (!overlapPolicies.includes(overlap)) refuse('overlap', `one of ${overlapPolicies.join(', ')}`, overlap);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) refuse('limit', 'a whole number from 1', limit);
  if (note !== undefined && (typeof note !== 'string' || note.length > MAX_NOTE_LENGTH)) refuse('note', `text of at most ${MAX_NOTE_LENGTH} characters`, note);
  if (key !== undefined && (typeof key !== 'string' || key === '' || !key.isWellFormed())) refuse('key', 'well-formed text that names an entity', key);
  const catchUpMs = Math.floor(parseDuration(catchUp, 'catchUp'));
  if (catchUpMs < LEAST_CATCH_UP_MS) refuse('catchUp', 'at least "10s"', catchUp);
  const timing = readTiming(given);
  // An expression that cannot be used shall not be written down.
  createTicker(timing);
  return {
    name, timing, overlap, catchUpMs, jitterMs: jitter === undefined ? 0 : Math.floor(parseDuration(jitter, 'jitter')), limit: limit ?? null, note: note ?? null,
  };
}

/** @throws MillraceError BAD_SCHEDULE */
export function mustBeName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !nameForm.test(name)) refuse('name', '1 to 150 letters, digits, ".", "_", "-", ":"', name);
}

/** The value of a definition's record: JSON, so that any Kafka tool shows it; readers ignore fields that they do not know. */
export function writeDefinition({ name: _name, value, timing, ...rest }: Definition): Buffer {
  return Buffer.from(JSON.stringify({ ...rest, ...timing, value: value.toString('base64') }));
}

/** Null: it cannot be used. Never throws, whatever the bytes are. */
export function parseDefinition(name: string, bytes: Buffer): Definition | null {
  let json: Readonly<Record<string, unknown>>;
  try {
    json = JSON.parse(bytes.toString()) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
  if (!nameForm.test(name) || typeof json !== 'object' || json === null) return null;
  const flaws: string[] = [];
  const take = <T>(field: string, fits: (value: unknown) => boolean): T => {
    if (!fits(json[field])) flaws.push(field);
    return json[field] as T;
  };
  const text = (value: unknown): boolean => typeof value === 'string' && value !== '';
  const count = (value: unknown, most = LAST_DATE_MS): boolean => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
  const time = (value: unknown): boolean => count(value, LATEST_TICK_MS);
  const orNull = (fits: (value: unknown) => boolean) => (value: unknown): boolean => value === null || fits(value);
  const definition: Definition = {
    name,
    kind: take('kind', text), queue: take('queue', text), key: take('key', orNull(text)), value: Buffer.from(String(json['value']), 'base64'),
    overlap: take('overlap', (value) => (overlapPolicies as readonly unknown[]).includes(value)),
    catchUpMs: take('catchUpMs', (value) => count(value)), jitterMs: take('jitterMs', (value) => count(value)), limit: take('limit', orNull(count)), note: take('note', orNull((value) => typeof value === 'string')), putMs: take('putMs', time),
    timing: {
      cron: take('cron', orNull(text)), timezone: take('timezone', text), everyMs: take('everyMs', orNull((value) => count(value, MOST_EVERY_MS) && (value as number) > 0)), offsetMs: take('offsetMs', (value) => count(value, MOST_EVERY_MS)),
      startMs: take('startMs', orNull(time)), endMs: take('endMs', orNull(time)),
    },
  };
  if (flaws.length > 0 || typeof json['value'] !== 'string') return null;
  try {
    createTicker(definition.timing);
  } catch {
    return null;
  }
  return definition;
}

function refuse(at: string, expected: string, got: unknown): never {
  throw new MillraceError('BAD_SCHEDULE', { at, expected, got });
}
