import { randomUUID } from 'node:crypto';
import { MillraceError } from '../errors/MillraceError.ts';
import type { Admin, Broker, Producer } from '../kafka/port.ts';
import type { TopicDefaults } from '../kafka/prepareTopics.ts';
import type { Clock } from '../runtime/clock.ts';
import { jobIdOfRunNow } from './decide.ts';
import { mustBeName, readRules } from './definition.ts';
import { encodeRun, type EncodeTools } from './encodeRun.ts';
import { prepareSchedulesTopic } from './prepareSchedulesTopic.ts';
import { readBook } from './readBook.ts';
import { overlapPolicies, type JobSchedule, type KindSchedule, type OverlapPolicy, type ScheduleTiming, type ScheduleView } from './schedule.ts';
import type { ScheduleCommand } from './scheduleCommand.ts';
import type { BookEntry } from './scheduleBook.ts';
import { SCHEDULES_TOPIC, commandRecordFor, definitionRecord, removalRecord } from './scheduleTopic.ts';
import { createTicker, nextTicks, readDate, readTiming } from './timing.ts';
import { viewSchedule } from './viewSchedule.ts';

export interface RunNowOptions {
  /** Instead of the schedule's own. */
  readonly overlap?: OverlapPolicy;
}

export interface BackfillOptions {
  /** Ticks from here on, */
  readonly from: Date;
  /** to here, both included; at most 1,000. */
  readonly to: Date;
  /** @default "buffer-all": one after the other */
  readonly overlap?: OverlapPolicy;
}

/**
 * Schedules live in a Kafka topic; any process may put, look at and remove them. They run where a scheduler does (`millrace-scheduler`, or
 * {@link Millrace.runScheduler}). Writes resolve when Kafka has them; a scheduler heeds them when it reads them, which is soon.
 *
 * All throw BROKER_UNAVAILABLE, TOPIC_MISSING.
 */
export interface Schedules {
  /**
   * Writes a schedule down, in place of the one of its name. Putting the same again changes nothing: past ticks, its pause and its runs stay. With
   * another `cron`, `timezone`, `every` or `offset`, only ticks from now on count. The payload is checked and encoded here.
   * @throws MillraceError BAD_SCHEDULE, BAD_DURATION, BAD_PAYLOAD, UNKNOWN_KIND, BROKER_RECORD_TOO_LARGE, SCHEMA_INCOMPATIBLE, SCHEMA_INVALID, REGISTRY_UNAVAILABLE
   */
  put<P>(this: void, schedule: JobSchedule<P>): Promise<void>;
  put(this: void, schedule: KindSchedule): Promise<void>;
  /** By name. */
  list(this: void): Promise<ScheduleView[]>;
  /** Null: there is none of that name. */
  get(this: void, name: string): Promise<ScheduleView | null>;
  /** Ends a schedule; runs under way go on. @returns false: there was none */
  remove(this: void, name: string): Promise<boolean>;
  /** Lets ticks pass until {@link resume}; also over restarts, and when it is put again. Ticks in between are not made up for. @throws MillraceError SCHEDULE_UNKNOWN */
  pause(this: void, name: string, note?: string): Promise<void>;
  /** @throws MillraceError SCHEDULE_UNKNOWN */
  resume(this: void, name: string): Promise<void>;
  /** A run out of turn, also in a pause; under way is another: as the policy says. @throws MillraceError SCHEDULE_UNKNOWN, BAD_SCHEDULE */
  runNow(this: void, name: string, options?: RunNowOptions): Promise<{ readonly jobId: string }>;
  /** Runs past ticks, whether or not they ran. @returns how many ticks there are @throws MillraceError SCHEDULE_UNKNOWN, BAD_SCHEDULE */
  backfill(this: void, name: string, options: BackfillOptions): Promise<{ readonly ticks: number }>;
  /** The next ticks of a timing, whether it was put or not; at most 1,000. @param after default: now @throws MillraceError BAD_SCHEDULE, BAD_DURATION */
  nextRuns(this: void, timing: ScheduleTiming, n: number, after?: Date): Date[];
}

export interface SchedulesOptions extends EncodeTools {
  readonly broker: Broker;
  readonly admin: Admin;
  /** A producer that was started. */
  readonly producer: () => Promise<Producer>;
  /** Makes a queue's topics, where that is wanted. */
  readonly prepareQueue: (queue: string) => Promise<unknown>;
  readonly topics: TopicDefaults | false;
  readonly clock: Clock;
  /** Default {@link SCHEDULES_TOPIC}. */
  readonly topic?: string;
  readonly createId?: () => string;
}

const MAX_BACKFILL = 1000;
const MAX_NOTE_LENGTH = 500;

export function createSchedules(options: SchedulesOptions): Schedules {
  const { broker, admin, clock, topic = SCHEDULES_TOPIC, createId = randomUUID } = options;
  let ready: Promise<void> | null = null;
  const prepare = (): Promise<void> => {
    ready ??= prepareSchedulesTopic(admin, topic, options.topics).catch((error: unknown) => {
      ready = null;
      throw error;
    });
    return ready;
  };
  const readEntries = async (): Promise<Map<string, BookEntry>> => {
    await prepare();
    return (await readBook({ broker, admin }, topic, createId())).entries;
  };
  const find = async (name: string): Promise<BookEntry | null> => {
    mustBeName(name);
    const entry = (await readEntries()).get(name);
    return entry?.definition == null ? null : entry;
  };
  const mustFind = async (name: string): Promise<BookEntry> => {
    const entry = await find(name);
    if (entry === null) throw new MillraceError('SCHEDULE_UNKNOWN', { at: name });
    return entry;
  };
  const view = (entry: BookEntry): ScheduleView[] => (entry.definition === null ? [] : [viewSchedule(entry, entry.definition, clock.now())]);
  const send = async (record: Parameters<Producer['send']>[2][number]): Promise<void> => {
    await prepare();
    await (await options.producer()).send(topic, 0, [record]);
  };
  const command = async (name: string, make: (base: { readonly id: string; readonly atMs: number }) => ScheduleCommand): Promise<string> => {
    const id = createId();
    await send(commandRecordFor(name, make({ id, atMs: clock.now() })));
    return id;
  };

  return {
    async put(schedule: JobSchedule | KindSchedule) {
      const rules = readRules(schedule);
      const run = await encodeRun(options, schedule);
      await options.prepareQueue(run.queue);
      await send(definitionRecord({ ...rules, ...run, putMs: clock.now() }));
    },
    list: async () => [...(await readEntries()).values()].flatMap(view).sort((a, b) => (a.name < b.name ? -1 : 1)),
    async get(name) {
      const entry = await find(name);
      return entry === null ? null : view(entry)[0] ?? null;
    },
    async remove(name) {
      mustBeName(name);
      const entry = (await readEntries()).get(name);
      if (entry === undefined || (entry.definition === null && !entry.unusable)) return false;
      await send(removalRecord(name));
      return true;
    },
    async pause(name, note) {
      if (note !== undefined && (typeof note !== 'string' || note.length > MAX_NOTE_LENGTH)) refuse('note', `text of at most ${MAX_NOTE_LENGTH} characters`, note);
      await mustFind(name);
      await command(name, (base) => ({ ...base, type: 'pause', note: note ?? null }));
    },
    async resume(name) {
      await mustFind(name);
      await command(name, (base) => ({ ...base, type: 'resume' }));
    },
    async runNow(name, { overlap } = {}) {
      mustBePolicy(overlap);
      await mustFind(name);
      return { jobId: jobIdOfRunNow(name, await command(name, (base) => ({ ...base, type: 'run-now', overlap: overlap ?? null }))) };
    },
    async backfill(name, { from, to, overlap = 'buffer-all' }) {
      mustBePolicy(overlap);
      const fromMs = readDate(from, 'from');
      const toMs = readDate(to, 'to');
      if (fromMs > toMs) refuse('to', 'a time not before from', to.toISOString());
      if (toMs > clock.now()) refuse('to', 'a time that has come', to.toISOString());
      const { definition } = await mustFind(name);
      const ticks = definition === null ? 0 : createTicker(definition.timing).count(fromMs - 1, toMs, MAX_BACKFILL + 1);
      if (ticks > MAX_BACKFILL) refuse('from', `a range of at most ${MAX_BACKFILL} ticks`, 'more');
      if (ticks > 0) await command(name, (base) => ({ ...base, type: 'backfill', fromMs, toMs, overlap }));
      return { ticks };
    },
    nextRuns: (timing, n, after = new Date(clock.now())) => nextTicks(readTiming(timing), readDate(after, 'after'), n).map((tick) => new Date(tick)),
  };
}

function mustBePolicy(overlap: unknown): void {
  if (overlap !== undefined && !(overlapPolicies as readonly unknown[]).includes(overlap)) refuse('overlap', `one of ${overlapPolicies.join(', ')}`, overlap);
}

function refuse(at: string, expected: string, got: unknown): never {
  throw new MillraceError('BAD_SCHEDULE', { at, expected, got });
}
