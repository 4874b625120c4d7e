import type { Command } from 'commander';
import { createCodec } from '../../../shared/avro/codec.ts';
import { didYouMean } from '../../../shared/errors/didYouMean.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { createPayloadForm } from '../../../shared/intake/payloadForm.ts';
import { schedulerKeys } from '../../../shared/runtime/config/keys.ts';
import { loadJobs } from '../../../shared/runtime/loadJobs.ts';
import { overlapPolicies, type OverlapPolicy, type ScheduleOptions, type ScheduleView } from '../../../shared/schedules/schedule.ts';
import { createSchedules, type Schedules } from '../../../shared/schedules/schedules.ts';
import { addCommand, type Perform } from '../command.ts';
import { exitCodes } from '../exitCodes.ts';
import { collect, readWhole } from '../read/readNumber.ts';
import { readPayload } from '../read/readPayload.ts';
import { readTime } from '../read/readTime.ts';
import type { Session } from '../session.ts';
import { nextTicks, readTiming } from '../../../shared/schedules/timing.ts';
import { ageText } from '../show/age.ts';
import { cut, renderFields, renderTable } from '../show/table.ts';

interface TimingOptions {
  readonly cron?: string;
  readonly timezone?: string;
  readonly every?: string;
  readonly offset?: string;
  readonly startAt?: string;
  readonly endAt?: string;
}

interface PutOptions extends TimingOptions {
  readonly queue?: string;
  readonly subject?: string;
  readonly jobs?: readonly string[];
  readonly key?: string;
  readonly overlap?: OverlapPolicy;
  readonly catchUp?: string;
  readonly jitter?: string;
  readonly limit?: number;
  readonly note?: string;
}

/** Schedules: jobs by the clock. */
export function addScheduleCommands(program: Command, perform: Perform): void {
  const schedules = program.command('schedules').summary('jobs by the clock').description('Jobs by the clock: list, show, put, pause, resume, run-now, next, remove. They run where a scheduler does (npx millrace-scheduler).');
  addCommand(schedules, perform, {
    usage: 'list', summary: 'all schedules', examples: ['schedules list'],
    async action(session) {
      const all = await open(session).list();
      const now = session.clock.now();
      session.show.result({ schedules: all }, () => renderTable(all, [
        ['name', (one) => one.name], ['when', whenOf], ['kind', (one) => one.kind], ['queue', (one) => one.queue], ['overlap', (one) => one.overlap],
        ['next', (one) => (one.paused === null ? ageText(one.next[0], now) : 'paused')], ['running', (one) => one.running.length], ['note', (one) => cut(one.note, 40)],
      ]));
    },
  });
  addCommand(schedules, perform, {
    usage: 'show <name>', summary: 'one schedule, with its next and its last runs', examples: ['schedules show nightly-report'],
    async action(session, [name]) {
      const one = await open(session).get(String(name));
      if (one === null) throw new MillraceError('SCHEDULE_UNKNOWN', { at: String(name) });
      session.show.result(one, () => describe(one, session.clock.now()));
    },
  });
  addCommand<PutOptions>(schedules, perform, {
    usage: 'put <name> <kind> <payload>',
    summary: 'write a schedule down, in place of the one of its name',
    description: 'The payload is JSON: itself, @file, or - for standard input. Without --jobs the schema is the latest of --subject (default: the kind) in the registry.',
    examples: ['schedules put nightly-report report.make \'{"scope":"all"}\' --queue reports --subject shop.Report --key all --cron "30 2 * * *" --timezone Europe/Lisbon', 'schedules put sweep cart.sweep @sweep.json --jobs ./jobs.ts --every 5m --overlap buffer-one'],
    options: (command) => {
      declareTiming(command);
      command
        .option('--jobs <module>', 'module that exports the kind\'s definition; several times for several', collect)
        .option('--queue <queue>', 'its queue, where no definition says it')
        .option('--subject <name>', 'subject of its schema in the registry, where no definition says it')
        .option('--key <key>', 'its entity')
        .option('--overlap <policy>', `while the run before is under way: ${overlapPolicies.join(', ')} (default skip)`)
        .option('--catch-up <duration>', 'make up for ticks that were missed, if they are not older (default 365d)')
        .option('--jitter <duration>', 'each tick up to so much later')
        .option('--limit <n>', 'so many runs, then no more', readWhole('--limit', 1, 1_000_000_000))
        .option('--note <text>', 'for people');
    },
    async action(session, [name, kind, given], options) {
      const rules = { name: String(name), ...readTimingOptions(options, session), ...rest(options) } satisfies ScheduleOptions;
      const payload = await readPayload(session.host, String(given));
      const schedule = open(session);
      if (options.jobs === undefined) {
        if (options.queue === undefined) throw new MillraceError('BAD_USAGE', { at: '--queue', expected: 'the queue of the kind, or its definition by --jobs', got: 'neither' });
        await schedule.put({ ...rules, kind: String(kind), queue: options.queue, payload, ...(options.subject === undefined ? {} : { schema: options.subject }) });
      } else {
        const jobs = await loadJobs(options.jobs, session.host.cwd);
        const job = jobs.find((one) => one.kind === kind);
        if (job === undefined) {
          const meant = didYouMean(String(kind), jobs.map((one) => one.kind));
          throw new MillraceError('UNKNOWN_KIND', { at: String(kind), ...(meant === null ? {} : { fix: `Did you mean ${meant}?` }) });
        }
        await schedule.put({ ...rules, job, payload: createPayloadForm(job.schema)(payload, 'payload') });
      }
      const next = schedule.nextRuns(rules, 1);
      session.show.result({ name, next }, () => `${String(name)} is written down; its next run is ${ageText(next[0], session.clock.now()) ?? 'never'}`);
    },
  });
  const simple = (usage: string, summary: string, example: string, act: (schedules: Schedules, name: string, note: string | undefined) => Promise<unknown>, told: string, withNote = false): void => {
    addCommand<{ readonly note?: string }>(schedules, perform, {
      usage, summary, examples: [example],
      ...(withNote ? { options: (command: Command) => { command.option('--note <text>', 'why, for people'); } } : {}),
      async action(session, [name], { note }) {
        const answer = await act(open(session), String(name), note);
        if (answer === false) throw new MillraceError('SCHEDULE_UNKNOWN', { at: String(name) });
        session.show.result({ name, ...(typeof answer === 'object' ? answer : {}) }, () => `${told} ${String(name)}${typeof answer === 'object' && answer !== null && 'jobId' in answer ? `: job ${String(answer.jobId)}` : ''}`);
      },
    });
  };
  simple('pause <name>', 'let its ticks pass, until resume', 'schedules pause nightly-report --note "holidays"', (all, name, note) => all.pause(name, note), 'paused', true);
  simple('resume <name>', 'end its pause', 'schedules resume nightly-report', (all, name) => all.resume(name), 'resumed');
  simple('run-now <name>', 'run it once, out of turn', 'schedules run-now nightly-report', (all, name) => all.runNow(name), 'asked to run');
  simple('remove <name>', 'end it; runs under way go on', 'schedules remove nightly-report', (all, name) => all.remove(name), 'removed');
  addCommand<TimingOptions & { readonly count?: number }>(schedules, perform, {
    usage: 'next [name]', summary: 'its next ticks; or those of a timing, to try it', examples: ['schedules next nightly-report', ['schedules next --cron "0 9 * * MON-FRI" --timezone Europe/Lisbon --count 10', 'needs no scheduler']],
    options: (command) => {
      declareTiming(command);
      command.option('--count <n>', 'so many (default 5)', readWhole('--count', 1, 1000));
    },
    async action(session, [name], options) {
      const count = options.count ?? 5;
      let next: readonly Date[];
      if (name === undefined) next = nextTicks(readTiming(readTimingOptions(options, session)), session.clock.now(), count).map((tick) => new Date(tick));
      else {
        const one = await open(session).get(String(name));
        if (one === null) throw new MillraceError('SCHEDULE_UNKNOWN', { at: String(name) });
        next = one.next.slice(0, count);
      }
      session.show.result({ next }, () => next.map((at) => `${at.toISOString()}  ${ageText(at, session.clock.now()) ?? ''}`).join('\n'));
      return next.length === 0 ? exitCodes.notFound : exitCodes.ok;
    },
  });
}

function open(session: Session): Schedules {
  const { clock } = session;
  const { schedulesTopic } = session.settings({ schedulesTopic: schedulerKeys.schedulesTopic });
  return createSchedules({
    broker: session.broker, admin: session.admin, registry: session.registry, codec: createCodec({ registry: session.registry, clock }), clock, topics: false, topic: schedulesTopic,
    prepareQueue: () => Promise.resolve(), producer: async () => (await session.commandTools()).producer,
  });
}

function declareTiming(command: Command): void {
  command
    .option('--cron <expression>', 'five fields, or six with seconds first; also L, W, #, names, @daily')
    .option('--timezone <name>', 'IANA name, for --cron (default UTC)')
    .option('--every <duration>', 'at multiples of this: "5m" ticks at :00, :05, …')
    .option('--offset <duration>', 'shifts the ticks of --every')
    .option('--start-at <time>', 'no tick before (RFC 3339)')
    .option('--end-at <time>', 'no tick after (RFC 3339)');
}

function readTimingOptions({ cron, timezone, every, offset, startAt, endAt }: TimingOptions, { clock }: Session) {
  return {
    ...(cron === undefined ? {} : { cron }), ...(timezone === undefined ? {} : { timezone }), ...(every === undefined ? {} : { every }), ...(offset === undefined ? {} : { offset }),
    ...(startAt === undefined ? {} : { startAt: readTime('--start-at', startAt, clock.now()) }), ...(endAt === undefined ? {} : { endAt: readTime('--end-at', endAt, clock.now()) }),
  };
}

function rest({ key, overlap, catchUp, jitter, limit, note }: PutOptions) {
  return {
    ...(key === undefined ? {} : { key }), ...(overlap === undefined ? {} : { overlap }), ...(catchUp === undefined ? {} : { catchUp }), ...(jitter === undefined ? {} : { jitter }),
    ...(limit === undefined ? {} : { limit }), ...(note === undefined ? {} : { note }),
  };
}

function whenOf({ cron, timezone, everyMs }: ScheduleView): string {
  return cron === null ? `every ${(everyMs ?? 0) / 1000}s` : `${cron} ${timezone}`;
}

function describe(one: ScheduleView, nowMs: number): string {
  // The last runs hold those under way, but for such as began long ago.
  const runs = [...one.running.filter(({ jobId }) => !one.recent.some((run) => run.jobId === jobId)), ...one.recent];
  return [
    renderFields([
      ['name', one.name], ['when', whenOf(one)], ['kind', one.kind], ['queue', one.queue], ['key', one.key], ['overlap', one.overlap], ['paused', one.paused === null ? null : `${ageText(one.paused.at, nowMs) ?? ''} ${one.paused.note ?? ''}`],
      ['next', one.next.map((at) => `${at.toISOString()} (${ageText(at, nowMs) ?? ''})`).join('\n')], ['waiting ticks', one.bufferedCount === 0 ? null : one.bufferedCount], ['note', one.note],
    ]),
    '', renderTable(runs, [['run', (run) => run.jobId], ['tick', (run) => ageText(run.tick, nowMs)], ['cause', (run) => run.cause], ['end', (run) => run.end]]),
  ].join('\n');
}
