import type { ChaosOptions } from './options.ts';
import type { ChaosResult } from './runChaos.ts';

const seconds = (ms: number | null): string => (ms === null ? '–' : `${(ms / 1000).toFixed(1)} s`);
const millis = (ms: number | null): string => (ms === null ? '–' : `${Math.round(ms)} ms`);

function commandOf({ forMs, seed, faults, inTurn }: ChaosOptions): string {
  const what = inTurn.length > 0 ? `--turn "${inTurn.join(',')}"` : `--minutes ${Math.round(forMs / 60_000)}${faults.length === 0 ? '' : ` --faults "${faults.join(',')}"`}`;
  return `npm run chaos -- ${what} --seed ${seed}`;
}

/** A run as a page of Markdown. */
export function renderReport({ options, figures, violations, leftOut, failures }: ChaosResult): string {
  const { recoveryMs, rescueMs, rescueAloneMs, repeatAgeMs } = figures;
  const rows: readonly (readonly [string, string])[] = [
    ['faults begun', String(figures.faults.reduce((sum, { count }) => sum + count, 0))],
    ['jobs handed to the client: acked / nobody knows / refused', `${figures.accepted} / ${figures.unknown} / ${figures.refused}`],
    ['records in the main topic, ids that several bear', `${figures.logged}, ${figures.doubled}`],
    ['attempts; jobs buried; records in the DLQ', `${figures.attempts}; ${figures.buried}; ${figures.letters}`],
    ['throughput from the first job to the last', `${figures.jobsPerSecond.toFixed(0)} jobs/s; what was left at the end took ${seconds(figures.drainMs)}`],
    ['hard kills of workers; executions repeated, whatever the cause', `${figures.kills}; ${figures.repeats}`],
    ['of those, excused by nothing but an outage of Kafka longer than a drain', String(figures.repeatsOfOutages)],
    ['what a kill repeated had ended before it (cut off: 0), p50 / p99 / worst', `${millis(repeatAgeMs.p50)} / ${millis(repeatAgeMs.p99)} / ${millis(repeatAgeMs.max)}`],
    ['rescue: from a kill to the next start of a job that it cut off, p50 / p99 / worst', `${seconds(rescueMs.p50)} / ${seconds(rescueMs.p99)} / ${seconds(rescueMs.max)} (${rescueMs.jobs} jobs)`],
    ['the same, of kills with nothing else going on, p99', `${seconds(rescueAloneMs.p99)} (${rescueAloneMs.jobs} jobs)`],
    ['recovery: from a heal until every partition completes jobs, faults that came alone, p50 / p99 / worst', `${seconds(recoveryMs.p50)} / ${seconds(recoveryMs.p99)} / ${seconds(recoveryMs.max)}`],
    ['longest time in which a partition had work and did nothing', seconds(figures.stalls[0]?.forMs ?? 0)],
    ['memberships lost; of those, nothing explains', `${figures.expelled}; ${figures.unexplainedExpulsions}`],
    ['lines of zombies, which a sink that checks the fence refuses', String(figures.zombieLines)],
    ['clean stops, the slowest', `${figures.cleanStops}, ${seconds(figures.slowestStopMs)}`],
    ['workers that ended by themselves; `/livez` said no', `${figures.deaths}; ${figures.notLive}`],
    ['looks at the commits', String(figures.looks)],
  ];
  return [
    `## Seed ${options.seed}: ${figures.minutes.toFixed(0)} minutes, ${violations.length === 0 ? 'no violation' : `${violations.length} violations`}`,
    '',
    `\`${commandOf(options)}\`: ${options.workers} worker processes (session ${options.sessionTimeoutMs / 1000} s, drain ${options.drainTimeoutMs / 1000} s), ${options.jobsPerSecond} jobs/s over ${options.entities} entities in ${options.partitions} partitions.`,
    '',
    '| figure | value |', '|---|---|',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '| fault | times | alone | worst, from its heal: first completion | all partitions | from its beginning: all partitions |', '|---|---|---|---|---|---|',
    ...figures.faults.map(({ name, count, alone, worstFirstMs, worstAllMs, worstFromBeginMs }) => `| ${name} | ${count} | ${alone} | ${seconds(worstFirstMs)} | ${seconds(worstAllMs)} | ${seconds(worstFromBeginMs)} |`),
    '',
    'Longest times in which a partition had work and did nothing:',
    '',
    ...figures.stalls.map(({ partition, fromMs, forMs, calmMs, during }) => `- partition ${partition}, ${seconds(forMs)} from ${seconds(fromMs)} on, ${seconds(calmMs)} of them after the last heal: ${during.join('; ')}`),
    '',
    ...leftOut.map(({ name, why }) => `Left out: ${name}: ${why}.`),
    ...failures.map((failure) => `Not carried out: ${failure}.`),
    ...violations.flatMap(({ what, slice }) => [`- VIOLATION ${what}`, ...slice.map((line) => `  - ${line}`)]),
  ].join('\n').trimEnd() + '\n';
}
