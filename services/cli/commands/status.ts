import type { Command } from 'commander';
import type { Explanation } from '../../../shared/status/explainJob.ts';
import { jobStates, stateText } from '../../../shared/status/jobState.ts';
import type { JobView, TimelineView } from '../../../shared/status/jobView.ts';
import { addCommand, type Perform } from '../command.ts';
import { collect, readWhole } from '../read/readNumber.ts';
import { readTime } from '../read/readTime.ts';
import { ageText } from '../show/age.ts';
import { cut, renderFields, renderTable } from '../show/table.ts';

interface ListOptions {
  readonly queue?: string;
  readonly kind?: string;
  readonly key?: string;
  readonly state?: readonly string[];
  readonly error?: string;
  readonly payload?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** What the status service knows of jobs. */
export function addStatusCommands(program: Command, perform: Perform): void {
  addCommand<{ readonly at?: string }>(program, perform, {
    usage: 'status <id>',
    summary: 'what became of a job, with its timeline',
    examples: ['status 0199b3c2-7d4e-7cc1-9d0a-3f8f6f1a2b3c', ['status import-42 --json', 'for scripts: `.job.state` and `.events`']],
    options: (command) => { command.option('--at <place>', 'where its record stands, as enqueue says it (queue/partition/offset): spares waiting'); },
    async action({ status, show, clock }, [id], { at }) {
      const path = `/v1/jobs/${encodeURIComponent(String(id))}`;
      const job = await status.get<JobView>(path, { after: at });
      const { events } = await status.get<{ events: readonly TimelineView[] }>(`${path}/timeline`, { after: at });
      show.result({ job, events }, () => `${describeJob(job, clock.now())}\n\n${renderTable(events, timelineColumns(clock.now()))}`);
    },
  });
  addCommand<{ readonly at?: string }>(program, perform, {
    usage: 'explain <id>',
    summary: 'why a job is not running',
    examples: ['explain 0199b3c2-7d4e-7cc1-9d0a-3f8f6f1a2b3c'],
    options: (command) => { command.option('--at <place>', 'where its record stands (queue/partition/offset): spares waiting'); },
    async action({ status, show, clock }, [id], { at }) {
      const explained = await status.get<Explanation>(`/v1/jobs/${encodeURIComponent(String(id))}/explain`, { after: at });
      show.result(explained, () => {
        const { summary, causes, ahead } = explained;
        const more = causes.slice(1).map(({ text }) => `- ${text}`);
        const first = ahead.first.length === 0 ? [] : ['', 'Before it:', renderTable(ahead.first, [['id', (one) => one.id], ['state', (one) => one.state], ['why', (one) => one.reason], ['due', (one) => ageText(one.due, clock.now())]])];
        return [summary, ...more, ...first].join('\n');
      });
    },
  });
  addCommand<ListOptions>(program, perform, {
    usage: 'jobs',
    summary: 'list jobs, the last enqueued first',
    examples: ['jobs --queue billing --state waiting --state dead', 'jobs --key 42 --from 2h', 'jobs --error ECONNREFUSED --payload address.city=Porto --limit 200 --json'],
    options: (command) => {
      command
        .option('--queue <queue>', 'of this queue')
        .option('--kind <kind>', 'of this kind')
        .option('--key <key>', 'of this entity')
        .option('--state <state>', `one of ${jobStates.join(', ')}; several times for any of several`, collect)
        .option('--error <code>', 'whose last error has this code')
        .option('--payload <path=value>', 'with this field; several times for all of several', collect)
        .option('--from <time>', 'enqueued at or after: RFC 3339, or how long ago ("2h")')
        .option('--to <time>', 'enqueued before')
        .option('--limit <n>', 'at most so many (default 50)', readWhole('--limit', 1, 500))
        .option('--cursor <text>', 'the next page, as the last one said');
    },
    async action({ status, show, clock }, _args, { queue, kind, key, state, error, payload, from, to, limit, cursor }) {
      const now = clock.now();
      const page = await status.get<{ jobs: readonly JobView[]; cursor: string | null }>('/v1/jobs', {
        queue, kind, key, state, errorCode: error, payload, limit, cursor,
        from: from === undefined ? undefined : readTime('--from', from, now).toISOString(), to: to === undefined ? undefined : readTime('--to', to, now).toISOString(),
      });
      show.result(page, () => renderTable(page.jobs, [
        ['id', (job) => job.id], ['queue', (job) => job.queue], ['kind', (job) => job.kind], ['key', (job) => cut(job.key, 24)], ['state', (job) => job.state], ['why', (job) => job.reason],
        ['attempts', (job) => job.attempts], ['enqueued', (job) => ageText(job.enqueuedAt, now)], ['due', (job) => ageText(job.due, now)], ['error', (job) => cut(job.error?.code, 24)],
      ]));
      if (page.cursor !== null) show.note(`There are more: --cursor ${page.cursor}`);
    },
  });
}

function describeJob(job: JobView, nowMs: number): string {
  return renderFields([
    ['id', job.id], ['state', stateText(job)], ['kind', job.kind], ['key', job.key], ['at', job.at],
    ['attempts', job.attempts], ['enqueued', ageText(job.enqueuedAt, nowMs)], ['started', ageText(job.startedAt, nowMs)], ['finished', ageText(job.finishedAt, nowMs)], ['due', ageText(job.due, nowMs)],
    ['progress', job.progress === null ? null : `${Math.round(job.progress * 100)}%`], ['note', job.note], ['tags', job.tags.join(', ')],
    ['error', job.error === null ? null : `${job.error.code}: ${job.error.message}`],
    ['result', job.result === null ? null : JSON.stringify(job.result)],
    ['payload', job.payload === null || job.payload === undefined ? job.payloadFlaw : JSON.stringify(job.payload)],
  ]);
}

function timelineColumns(nowMs: number) {
  return [
    ['n', (event: TimelineView) => event.n], ['when', (event: TimelineView) => ageText(event.at, nowMs)], ['what', (event: TimelineView) => event.type], ['attempt', (event: TimelineView) => event.attempt],
    ['why', (event: TimelineView) => event.reason], ['due', (event: TimelineView) => ageText(event.due, nowMs)],
    ['error', (event: TimelineView) => (event.error === null ? null : cut(`${event.error.code}: ${event.error.message}`, 60))], ['note', (event: TimelineView) => cut(event.note, 40)],
  ] as const;
}
