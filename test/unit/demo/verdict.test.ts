import { expect, test } from 'vitest';
import { NO_DEPARTURES, takeIn } from '../../../examples/flights/delayStatistics.ts';
import { planRun } from '../../../examples/flights/planRun.ts';
import { plannedFailures } from '../../../examples/flights/plannedFailures.ts';
import { readFlights } from '../../../examples/flights/data.ts';
import type { Latest, WitnessLine } from '../../../examples/flights/witness.ts';
import { createTally } from '../../../services/demo/tally.ts';
import { describeVerdict, judge, type RunEvidence } from '../../../services/demo/verdict.ts';

const plan = planRun('r1', await readFlights(120));

/** What a run leaves in which everything goes as planned. */
function perfectRun(): RunEvidence {
  const tally = createTally(plan.run);
  const lines: WitnessLine[] = [];
  const latest = new Map<string, Latest>();
  const record = (line: WitnessLine): void => {
    lines.push(line);
    tally.recorded(plan.run, line);
  };
  tally.enqueued(plan.records.length);
  for (const { type, payload } of plan.records) {
    if (type === 'spoilt') continue;
    const isDead = payload.origin === payload.destination;
    const failures = isDead ? 0 : plannedFailures(payload);
    for (let attempt = 1; attempt <= failures + 1; attempt += 1) {
      const self = { airport: payload.origin, sequence: payload.sequence, attempt, fence: 1 };
      record({ at: 'start', ...self });
      if (attempt <= failures) record({ at: 'end', outcome: 'failed', ...self });
      else if (isDead) record({ at: 'end', outcome: 'dead', ...self });
      else {
        const statistics = takeIn(latest.get(payload.origin)?.statistics ?? NO_DEPARTURES, payload.delay);
        latest.set(payload.origin, { sequence: payload.sequence, statistics });
        record({ at: 'effect', statistics, ...self });
        record({ at: 'end', outcome: 'done', ...self });
      }
    }
  }
  const deadLetters = [...plan.buried].map(([id, reason]) => ({ id, reason, kind: null, key: null, partition: 0, offset: 0, deadLetterOffset: 0, attempts: 1, message: null, code: null, fingerprint: null, buriedAt: new Date(0) }));
  return { plan, tally: tally.read(), lines, earlier: new Map(), deadLetters, elapsedMs: 2000, left: { uncommitted: 0, waiting: 0 } };
}

test('a run in which all went as planned passes, and says so', () => {
  const verdict = judge(perfectRun());
  expect(verdict).toMatchObject({ ok: true, done: 120, retried: plan.retried, jobsPerSecond: 60, buried: { total: plan.buried.size, asPlanned: true } });
  const told = describeVerdict(verdict, plan).join('\n');
  expect(told).toMatch(/order {7}ok/);
  expect(told).toMatch(/statistics {2}ok/);
  expect(told).not.toMatch(/PLANNED|VIOLATION|DIFFERENCE|NOT YET/);
});

const spoilt: [string, (run: RunEvidence) => RunEvidence, RegExp][] = [
  ['a job that is lost', (run) => ({ ...run, tally: { ...run.tally, done: run.tally.done - 1 } }), /done .*PLANNED: 120/],
  ['a job that failed but was not to', (run) => ({ ...run, tally: { ...run.tally, retried: run.tally.retried + 1 } }), /retried .*PLANNED/],
  ['a burial for another reason', (run) => ({ ...run, deadLetters: run.deadLetters.map((one) => ({ ...one, reason: 'attempts' })) }), /buried .*PLANNED/],
  ['a good job buried', (run) => ({ ...run, deadLetters: [...run.deadLetters, { ...run.deadLetters[0]!, id: 'r1/ORD/0' }] }), /buried .*PLANNED/],
  ['an order that is not kept', (run) => ({ ...run, lines: run.lines.toReversed() }), /order .*VIOLATION/],
  ['statistics that are not right', (run) => ({ ...run, plan: { ...plan, delays: new Map([...plan.delays].map(([airport, delays]) => [airport, [...delays, 1]])) } }), /statistics .*DIFFERENCE/],
  ['jobs that are not committed', (run) => ({ ...run, left: { uncommitted: 3, waiting: 0 } }), /NOT YET: 3 jobs/],
  ['an earlier run whose order is not kept', (run) => ({ ...run, tally: { ...run.tally, earlier: 1 }, earlier: new Map([['r0', run.lines.toReversed()]]) }), /earlier .*VIOLATION/],
];

test.each(spoilt)('%s fails the run, and the summary shows it', (_what, spoil, shown) => {
  const verdict = judge(spoil(perfectRun()));
  expect(verdict.ok).toBe(false);
  expect(describeVerdict(verdict, plan).join('\n')).toMatch(shown);
});

test('burials of other runs are nobody\'s business here', () => {
  const run = perfectRun();
  expect(judge({ ...run, deadLetters: [...run.deadLetters, { ...run.deadLetters[0]!, id: 'r0/ORD/0' }] }).ok).toBe(true);
});
