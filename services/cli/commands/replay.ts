import { appendFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openClaims } from '../../../shared/claims/openClaims.ts';
import { openDatabase } from '../../../shared/database/openDatabase.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { ReplayPlan } from '../../../shared/replay/planReplay.ts';
import { replay, type ReplayDeath, type ReplayOptions, type ReplaySummary, type ReplayWait } from '../../../shared/replay/replay.ts';
import type { OffsetRange, ReplayRange } from '../../../shared/replay/replayRange.ts';
import { claimKeys, databaseKeys } from '../../../shared/runtime/config/keys.ts';
import { loadJobs } from '../../../shared/runtime/loadJobs.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { addCommand, type Perform } from '../command.ts';
import { exitCodes, type ExitCode } from '../exitCodes.ts';
import { collect, readPositive, readWhole } from '../read/readNumber.ts';
import { collectOffsets } from '../read/readOffsets.ts';
import { readTime } from '../read/readTime.ts';
import type { Session } from '../session.ts';
import { ageText, spanText } from '../show/age.ts';
import { cut, renderFields, renderTable } from '../show/table.ts';

interface Options {
  readonly jobs?: readonly string[];
  readonly name?: string;
  readonly from?: string;
  readonly to?: string;
  readonly offsets?: ReadonlyMap<number, OffsetRange>;
  readonly kind?: readonly string[];
  readonly key?: readonly string[];
  readonly perSecond?: number;
  readonly concurrency?: number;
  readonly onFailure?: string;
  readonly dryRun?: boolean;
  readonly report?: string;
}

const WAIT_LINE_EVERY_MS = 30_000;

export function addReplayCommand(program: Command, perform: Perform): void {
  addCommand<Options>(program, perform, {
    usage: 'replay <queue>',
    summary: 'run a range of a queue\'s history again, beside its own work',
    description: 'In each entity\'s order, with ctx.replay set in the handlers. The queue\'s offsets, waiting jobs, dead letters and events stay as they are. Stopped by Ctrl-C, it goes on when it is started again with its --name and the same kinds and keys. Exit code 1 if jobs died or it is not complete.',
    examples: [
      ['replay billing --jobs ./jobs.ts --from 2h --dry-run', 'what would run, by partition and kind'],
      'replay billing --jobs ./jobs.ts --from 2026-02-28T12:00:00Z --to 2026-02-28T13:00:00Z --kind order.charge --per-second 50',
      ['replay billing --jobs ./jobs.ts --name after-the-fix', 'goes on with that one'], 'replay billing --jobs ./jobs.ts --offsets 3:1000-2000 --on-failure stop --report dead.jsonl',
    ],
    options: (command) => {
      command
        .option('--jobs <module>', 'module that exports the kinds\' definitions; several times for several', collect)
        .option('--name <name>', 'names the replay, so that it can go on (default: one by the time)')
        .option('--from <time>', 'from the first record not older than then: RFC 3339, or how long ago ("2h")')
        .option('--to <time>', 'before the first record not older than then (default: the end)')
        .option('--offsets <range>', 'instead of times: "partition:first-last+1"; several times for several', collectOffsets)
        .option('--kind <kind>', 'of this kind; several times for several', collect)
        .option('--key <key>', 'of this entity; several times for several', collect)
        .option('--per-second <n>', 'start at most so many a second', readPositive('--per-second'))
        .option('--concurrency <n>', 'attempts at once (default 100)', readWhole('--concurrency', 1, 100_000))
        .option('--on-failure <what>', '"go-on" with the entity\'s next job when one dies (default), or "stop"')
        .option('--dry-run', 'only count')
        .option('--report <file>', 'write the dead into this file, a line of JSON each');
    },
    async action(session, [queue], options) {
      const { jobs: modules, report, dryRun = false, onFailure = 'go-on' } = options;
      if (onFailure !== 'go-on' && onFailure !== 'stop') throw new MillraceError('BAD_USAGE', { at: '--on-failure', expected: '"go-on" or "stop"', got: onFailure });
      if (modules === undefined && !dryRun) throw new MillraceError('BAD_USAGE', { at: '--jobs', expected: 'modules that export the kinds\' definitions', got: 'none' });
      const jobs = modules === undefined ? [] : await loadJobs(modules, session.host.cwd);
      const now = session.clock.now();
      const name = options.name ?? new Date(now).toISOString().replaceAll(/[-:]|\.\d+Z/g, '').replace('T', '-');
      const reportPath = report === undefined ? null : resolve(session.host.cwd, report);
      if (reportPath !== null && options.name === undefined && !dryRun) writeFileSync(reportPath, '');
      const range = readRange(options, now);
      const worker = await openWorkerParts(session, options.concurrency);
      const summary = await session.interruptible((signal) => replay(
        { broker: session.broker, registry: session.registry, clock: session.clock, logger: createLogger({ level: 'error', service: 'replay', destination: { write: (text) => { session.host.stderr.write(text); } } }) }, String(queue), jobs,
        {
          name, signal, dryRun, onFailure, ...(range === null ? {} : { range }),
          ...(options.kind === undefined ? {} : { kinds: options.kind }), ...(options.key === undefined ? {} : { keys: options.key }), ...(options.perSecond === undefined ? {} : { perSecond: options.perSecond }),
          worker: worker.options,
          planned(plan) {
            if (dryRun) return;
            session.show.note(`replay ${name} of ${String(queue)}: ${plan.jobs} ${plan.jobs === 1 ? 'job' : 'jobs'}. Ctrl-C stops it; --name ${name} goes on`);
            if (worker.options.largePayloads === undefined) session.show.note('no store of large payloads is set (MILLRACE_CLAIMS_FOLDER or MILLRACE_CLAIMS_BUCKET): jobs whose payloads lie in one would wait');
          },
          waits: createWaitLines(session),
          progress: ({ settled, dead, total, perSecond, leftMs }) => { session.show.bar.show({ done: settled, total, perSecond, leftMs, ...(dead === 0 ? {} : { note: `${dead} dead` }) }); },
          died: (death: ReplayDeath) => { if (reportPath !== null) appendFileSync(reportPath, `${JSON.stringify(death)}\n`); },
        } satisfies ReplayOptions,
      ).finally(worker.close));
      session.show.bar.clear();
      session.show.result(dryRun ? { queue, name, dryRun, plan: summary.plan } : { queue, ...summary }, () => (dryRun ? renderPlan(summary.plan, now) : renderSummary(summary)));
      return endOf(summary, dryRun);
    },
  });
}

/** Why nothing goes on, in a line: of many jobs that wait for one thing, only now and then. */
function createWaitLines({ show, clock }: Session): (wait: ReplayWait) => void {
  const saidMs = new Map<string, number>();
  return ({ id, code, message }) => {
    const now = clock.monotonic();
    if (now - (saidMs.get(code ?? '') ?? -Infinity) < WAIT_LINE_EVERY_MS) return;
    saidMs.set(code ?? '', now);
    show.bar.clear();
    show.note(`waits: ${id}, perhaps others: ${message}`);
  };
}

/** What the queue's workers have by their settings, the replay's has too: a database, a store of large payloads. */
async function openWorkerParts(session: Session, concurrency: number | undefined): Promise<{ readonly options: NonNullable<ReplayOptions['worker']>; readonly close: () => Promise<void> }> {
  const { databaseUrl } = session.settings({ databaseUrl: databaseKeys.databaseUrl });
  const largePayloads = await openClaims(session.settings(claimKeys));
  const database = databaseUrl === null ? null : await openDatabase({ url: databaseUrl, folder: null, host: session.host, applicationName: 'millrace-replay' });
  return {
    options: { ...(concurrency === undefined ? {} : { concurrency }), ...(largePayloads === null ? {} : { largePayloads }), ...(database === null ? {} : { database }) },
    close: async () => { await database?.close(); },
  };
}

function endOf({ plan, dead, complete }: ReplaySummary, dryRun: boolean): ExitCode {
  if (dryRun) return plan.jobs === 0 ? exitCodes.notFound : exitCodes.ok;
  return dead === 0 && complete ? exitCodes.ok : exitCodes.failed;
}

function readRange({ from, to, offsets }: Options, nowMs: number): ReplayRange | null {
  if (from === undefined && to === undefined && offsets === undefined) return null;
  return {
    ...(from === undefined ? {} : { from: readTime('--from', from, nowMs) }), ...(to === undefined ? {} : { to: readTime('--to', to, nowMs) }),
    ...(offsets === undefined ? {} : { offsets }),
  };
}

function renderPlan(plan: ReplayPlan, nowMs: number): string {
  return [
    renderFields([
      ['jobs', plan.jobs], ['enqueued', plan.firstAt === null ? null : `${ageText(plan.firstAt, nowMs) ?? ''} to ${ageText(plan.lastAt, nowMs) ?? ''}`], ['takes', plan.takesMs === null ? null : spanText(plan.takesMs)],
      ['left out', plan.filtered === 0 ? null : `${plan.filtered} of other kinds or entities`], ['scheduled', plan.later === 0 ? null : `${plan.later} for later: left alone`],
      ['deleted', plan.deleted > 0 ? `${plan.deleted} records of the range: Kafka no longer has them` : plan.maybeDeleted.length > 0 ? `Kafka may have deleted older ones of partitions ${plan.maybeDeleted.join(', ')}` : null],
      ['no definition', plan.unhandled.join(', ')],
    ]),
    '', renderTable(Object.entries(plan.kinds), [['kind', ([kind]) => kind], ['jobs', ([, jobs]) => jobs]]),
    '', renderTable(plan.partitions.filter(({ from, to }) => from < to), [['partition', (one) => one.partition], ['from', (one) => one.from], ['before', (one) => one.to], ['jobs', (one) => one.jobs]]),
  ].join('\n');
}

function renderSummary({ name, complete, stoppedBy, done, dead, deaths, plan, tookMs }: ReplaySummary): string {
  const end = complete ? 'complete' : `stopped ${stoppedBy === 'death' ? 'because a job died' : 'before its end'}; --name ${name} goes on`;
  const doubles = complete ? plan.jobs - done - dead : 0;
  return [
    `${end}: ${done} done, ${dead} dead${doubles > 0 ? `, ${doubles} dropped as doubles of an id` : ''}, in ${spanText(tookMs)}`,
    ...(deaths.length === 0 ? [] : ['', renderTable(deaths, [['id', (one) => one.id], ['kind', (one) => one.kind], ['key', (one) => cut(one.key, 24)], ['attempts', (one) => one.attempts], ['error', (one) => cut(`${one.code ?? one.reason}: ${one.message ?? ''}`, 60)]])]),
  ].join('\n');
}
