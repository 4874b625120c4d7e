import { appendFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openClaims } from '../../../shared/claims/openClaims.ts';
import { openDatabase } from '../../../shared/database/openDatabase.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import { replay, type ReplaySummary } from '../../../shared/replay/replay.ts';
import type { ReplayDeath, ReplayOptions, ReplayWait } from '../../../shared/replay/replayOptions.ts';
import { claimKeys, databaseKeys } from '../../../shared/runtime/config/keys.ts';
import { loadJobs } from '../../../shared/runtime/loadJobs.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { addCommand, type Perform } from '../command.ts';
import { exitCodes, type ExitCode } from '../exitCodes.ts';
import { collect, readPositive, readWhole } from '../read/readNumber.ts';
import { collectOffsets } from '../read/readOffsets.ts';
import { readReplayRange, type RangeOptions } from '../read/readReplayRange.ts';
import type { Session } from '../session.ts';
import { renderPlan, renderSummary } from '../show/replayText.ts';

interface Options extends RangeOptions {
  readonly jobs?: readonly string[];
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
    description: 'In each entity\'s order, with ctx.replay set in the handlers. The queue\'s offsets, waiting jobs, dead letters and events stay as they are. Stopped by Ctrl-C, it goes on when it is started again with its --name and the same kinds and keys. Exit code 1 if jobs died or it is not complete, 3 if it means no job. With --json, what waits because something is missing is told on standard error, in lines {"waits":{"id","kind","code","message"}}.',
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
        .option('--all', 'instead of a range: all that Kafka has of the queue')
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
      const now = session.clock.now();
      const range = readReplayRange(options, now);
      const jobs = modules === undefined ? [] : await loadJobs(modules, session.host.cwd);
      const name = options.name ?? new Date(now).toISOString().replaceAll(/[-:]|\.\d+Z/g, '').replace('T', '-');
      const died = report === undefined || dryRun ? undefined : openReport(session, report, options.name === undefined);
      const worker = await openWorkerParts(session, options.concurrency);
      const summary = await session.interruptible((signal) => replay(
        { broker: session.broker, registry: session.registry, clock: session.clock, logger: createLogger({ level: 'error', service: 'replay', destination: { write: (text) => { session.host.stderr.write(text); } } }) }, String(queue), jobs,
        {
          name, signal, dryRun, onFailure, ...range,
          ...(options.kind === undefined ? {} : { kinds: options.kind }), ...(options.key === undefined ? {} : { keys: options.key }), ...(options.perSecond === undefined ? {} : { perSecond: options.perSecond }),
          worker: worker.options,
          planned(plan) {
            if (dryRun) return;
            session.show.note(`replay ${name} of ${String(queue)}: ${plan.jobs} ${plan.jobs === 1 ? 'job' : 'jobs'}. Ctrl-C stops it; --name ${name} goes on`);
            if (worker.options.largePayloads === undefined) session.show.note('no store of large payloads is set (MILLRACE_CLAIMS_FOLDER or MILLRACE_CLAIMS_BUCKET): jobs whose payloads lie in one would wait');
          },
          waits: createWaitLines(session),
          progress: ({ settled, dead, total, perSecond, leftMs }) => { session.show.bar.show({ done: settled, total, perSecond, leftMs, ...(dead === 0 ? {} : { note: `${dead} dead` }) }); },
          ...(died === undefined ? {} : { died }),
        } satisfies ReplayOptions,
      ).finally(worker.close));
      session.show.bar.clear();
      if (dryRun && summary.stoppedBy !== null) session.show.note('stopped: this was counted until then');
      session.show.result(dryRun ? { queue, name, dryRun, stoppedBy: summary.stoppedBy, plan: summary.plan } : { queue, ...summary }, () => (dryRun ? renderPlan(summary.plan, now) : renderSummary(summary)));
      return endOf(summary, dryRun);
    },
  });
}

/** Writes the dead into a file as they come. @throws MillraceError BAD_USAGE when it cannot be written at all */
function openReport({ show, host }: Session, file: string, anew: boolean): (death: ReplayDeath) => void {
  const path = resolve(host.cwd, file);
  try {
    writeFileSync(path, '', { flag: anew ? 'w' : 'a' });
  } catch (cause) {
    throw new MillraceError('BAD_USAGE', { at: '--report', expected: 'a file that can be written', got: cause, cause });
  }
  return (death) => {
    try {
      appendFileSync(path, `${JSON.stringify(death)}\n`);
    } catch (error) {
      // A full disk is no reason to stop: the summary tells of the dead, too.
      show.note(`${death.id} died, and the report cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

/** Why nothing goes on, in a line: of many jobs that wait for one thing, only now and then. */
function createWaitLines({ show, clock }: Session): (wait: ReplayWait) => void {
  const saidMs = new Map<string, number>();
  return (wait) => {
    const { id, code, message } = wait;
    const now = clock.monotonic();
    if (now - (saidMs.get(code ?? '') ?? -Infinity) < WAIT_LINE_EVERY_MS) return;
    saidMs.set(code ?? '', now);
    show.bar.clear();
    show.alert({ waits: wait }, `waits: ${id}, perhaps others: ${message}`);
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

function endOf({ plan, dead, complete, begun, stoppedBy }: ReplaySummary, dryRun: boolean): ExitCode {
  if (stoppedBy === null && plan.jobs === 0 && (dryRun || begun === null)) return exitCodes.notFound;
  if (dryRun) return stoppedBy === null ? exitCodes.ok : exitCodes.failed;
  return dead === 0 && complete ? exitCodes.ok : exitCodes.failed;
}
