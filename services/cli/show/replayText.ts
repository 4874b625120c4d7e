import type { ReplayPlan } from '../../../shared/replay/planReplay.ts';
import type { ReplaySummary } from '../../../shared/replay/replay.ts';
import { ageText, spanText } from './age.ts';
import { cut, renderFields, renderTable } from './table.ts';

/** What a replay would run. */
export function renderPlan(plan: ReplayPlan, nowMs: number): string {
  return [
    renderFields([
      ['jobs', plan.jobs], ['enqueued', plan.firstAt === null ? null : `${ageText(plan.firstAt, nowMs) ?? ''} to ${ageText(plan.lastAt, nowMs) ?? ''}`], ['takes', plan.takesMs === null ? null : spanText(plan.takesMs)],
      ['left out', plan.filtered === 0 ? null : `${plan.filtered} of other kinds or entities`], ['scheduled', plan.later === 0 ? null : `${plan.later} for later: left alone`],
      ['deleted', plan.deleted > 0 ? `${plan.deleted} records of the range: Kafka no longer has them` : plan.maybeDeleted.length > 0 ? `Kafka may have deleted older ones of partitions ${plan.maybeDeleted.join(', ')}` : null],
      ['end', plan.endsLater ? 'now: what comes until the end that was asked for is not in it' : null],
      ['no definition', plan.unhandled.join(', ')],
    ]),
    '', renderTable(Object.entries(plan.kinds), [['kind', ([kind]) => kind], ['jobs', ([, jobs]) => jobs]]),
    '', renderTable(plan.partitions.filter(({ from, to }) => from < to), [['partition', (one) => one.partition], ['from', (one) => one.from], ['before', (one) => one.to], ['jobs', (one) => one.jobs]]),
  ].join('\n');
}

/** What a replay ran. */
export function renderSummary({ name, begun, complete, stoppedBy, done, dead, deaths, plan, tookMs }: ReplaySummary): string {
  if (begun === null) return complete ? 'no job is meant: nothing has run' : 'stopped while the jobs were counted: nothing has run';
  const end = complete ? 'complete' : `stopped ${stoppedBy === 'death' ? 'because a job died' : 'before its end'}; --name ${name} goes on`;
  const others = complete ? plan.jobs - done - dead : 0;
  return [
    `${end}: ${done} done, ${dead} dead${others > 0 ? `, ${others} not run here (doubles of an id, run by another process, or deleted by Kafka meanwhile)` : ''}, in ${spanText(tookMs)}`,
    ...(deaths.length === 0 ? [] : ['', renderTable(deaths, [['id', (one) => one.id], ['kind', (one) => one.kind], ['key', (one) => cut(one.key, 24)], ['attempts', (one) => one.attempts], ['error', (one) => cut(`${one.code ?? one.reason}: ${one.message ?? ''}`, 60)]])]),
  ].join('\n');
}
