import { describe, expect, test } from 'vitest';
import { seenByFencedSink } from '../../guarantees/executions.ts';
import type { History } from '../../guarantees/history.ts';
import { atMostOnce } from '../../guarantees/promises/atMostOnce.ts';
import { attemptsBounded } from '../../guarantees/promises/attemptsBounded.ts';
import { boundedLoss } from '../../guarantees/promises/boundedLoss.ts';
import { boundedRepeats } from '../../guarantees/promises/boundedRepeats.ts';
import { commitsBehindSettled } from '../../guarantees/promises/commitsBehindSettled.ts';
import { deadLetterFidelity } from '../../guarantees/promises/deadLetterFidelity.ts';
import { findViolations, type Guarantee } from '../../guarantees/promises/guarantee.ts';
import { keyOrder } from '../../guarantees/promises/keyOrder.ts';
import { noEarlyRetry } from '../../guarantees/promises/noEarlyRetry.ts';
import { noOverlap } from '../../guarantees/promises/noOverlap.ts';
import { nothingLost } from '../../guarantees/promises/nothingLost.ts';
import { risingFence } from '../../guarantees/promises/risingFence.ts';
import { buriedCopy, frozen, historyOf, killed, rules, sight } from './tinyHistory.ts';

interface Case {
  readonly promise: Guarantee;
  /** What goes wrong. */
  readonly broken: readonly [what: string, history: History, violations: RegExp][];
  /** What looks like it, and is allowed. */
  readonly kept: readonly [what: string, history: History][];
}

const hold = { ...rules, whenBuried: 'hold' } as const;

const cases: Case[] = [
  {
    promise: nothingLost,
    broken: [
      ['an accepted job that never ran', historyOf([{ sequence: 1, from: 0, to: 5 }], { alsoAccepted: [2] }), /e#2 is neither done nor buried/],
      ['a job whose only attempt failed', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }]), /neither done nor buried/],
      ['a job that was to be buried and is not in the DLQ', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }]), /not in the DLQ/],
      ['a job whose attempts ran out and that is not in the DLQ', historyOf([{ sequence: 1, attempt: 3, from: 0, to: 5, outcome: 'retry' }]), /not in the DLQ/],
      ['a job that nobody enqueued', historyOf([{ sequence: 1, from: 0, to: 5 }], { accepted: [] }), /never accepted/],
    ],
    kept: [
      ['a job that is done after a failure', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }, { sequence: 1, attempt: 2, from: 105, to: 110 }])],
      ['a job that is in the DLQ', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1)] })],
    ],
  },
  {
    promise: keyOrder,
    broken: [
      ['a job that overtakes one that failed', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }, { sequence: 2, from: 6, to: 8 }, { sequence: 1, attempt: 2, from: 105, to: 110 }]), /e#2 .* started while an earlier job/],
      ['a job that overtakes one that runs', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, from: 4, to: 8 }]), /e#2/],
      ['a job that runs though its predecessor never did', historyOf([{ sequence: 2, from: 4, to: 8 }], { alsoAccepted: [1] }), /e#2/],
      ['a successor of a held head', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }, { sequence: 2, from: 6, to: 8 }], { policy: hold }), /e#2/],
      ['a lone old job that runs again after its successors', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, from: 6, to: 8 }, { sequence: 1, from: 20, to: 25 }]), /ran again after its successor #2/],
    ],
    kept: [
      ['the replay of a suffix', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, from: 6, to: 8 }, { sequence: 1, from: 20, to: 25 }, { sequence: 2, from: 26, to: 28 }])],
      ['a successor of a buried job under continue', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }, { sequence: 2, from: 6, to: 8 }])],
      ['a successor of a redriven job under hold', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }, { sequence: 1, round: 1, from: 6, to: 8 }, { sequence: 2, from: 9, to: 10 }], { policy: hold })],
      ['jobs of different entities in any order', historyOf([{ sequence: 2, from: 0, to: 5 }, { entity: 'f', sequence: 1, from: 1, to: 9 }])],
    ],
  },
  {
    promise: noOverlap,
    broken: [
      ['two attempts of one entity at once', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, from: 4, to: 8 }]), /e#2 .* started while e#1/],
      ['an attempt that never ended, of a live worker', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 2, from: 4, to: 8 }]), /e#2/],
      ['a new owner that started before the old one was killed', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 1, worker: 'v', fence: 2, from: 4, to: 8 }], { cuts: [killed('w', 6)] }), /e#1/],
      ['a new owner beside a frozen one, with no higher fence', historyOf([{ sequence: 1, from: 0, to: 9 }, { sequence: 1, worker: 'v', fence: 1, from: 4, to: 8 }], { cuts: [frozen('w', 2)] }), /e#1/],
    ],
    kept: [
      ['a new owner after a kill', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 1, worker: 'v', fence: 2, from: 4, to: 8 }], { cuts: [killed('w', 2)] })],
      ['a new owner with a higher fence beside a frozen one', historyOf([{ sequence: 1, from: 0, to: 9 }, { sequence: 1, worker: 'v', fence: 2, from: 4, to: 8 }], { cuts: [frozen('w', 2)] })],
      ['attempts of two entities at once', historyOf([{ sequence: 1, from: 0, to: 9 }, { entity: 'f', sequence: 1, from: 4, to: 8 }])],
    ],
  },
  {
    promise: boundedRepeats,
    broken: [
      ['a repeat without any cut', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 1, worker: 'v', fence: 2, from: 9, to: 12 }]), /nothing happened to that worker/],
      ['a repeat of what another worker ran than the killed one', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 1, worker: 'v', fence: 2, from: 9, to: 12 }], { cuts: [killed('v', 8)] }), /nothing happened/],
      ['a repeat of what ended long before the kill', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 1, worker: 'v', fence: 2, from: 500, to: 510 }], { cuts: [killed('w', 300)] }), /had ended 295 ms before w was killed/],
    ],
    kept: [
      ['a repeat of what was in flight at the kill', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 1, worker: 'v', fence: 2, from: 500, to: 510 }], { cuts: [killed('w', 300)] })],
      ['a repeat of what ended just before the kill', historyOf([{ sequence: 1, from: 0, to: 250 }, { sequence: 1, worker: 'v', fence: 2, from: 500, to: 510 }], { cuts: [killed('w', 300)] })],
      ['further attempts', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }, { sequence: 1, attempt: 2, from: 105, to: 110 }])],
      ['a redrive, which starts with attempt 1', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }, { sequence: 1, round: 1, from: 105, to: 110 }])],
    ],
  },
  {
    promise: attemptsBounded,
    broken: [
      ['an attempt beyond the policy', historyOf([1, 2, 3, 4].map((attempt) => ({ sequence: 1, attempt, from: attempt * 1000, to: attempt * 1000 + 1, outcome: 'retry' as const }))), /attempt 4 .* beyond 3 attempts/],
      ['an attempt that was skipped', historyOf([{ sequence: 1, attempt: 2, from: 0, to: 5 }]), /without attempt 1/],
      ['another attempt after it was done', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 1, attempt: 2, from: 6, to: 8 }]), /finished by attempt 1/],
    ],
    kept: [
      ['attempts one after the other', historyOf([1, 2, 3].map((attempt) => ({ sequence: 1, attempt, from: attempt * 1000, to: attempt * 1000 + 1, outcome: 'retry' as const })))],
      ['an attempt that a kill repeats', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 1, from: 6, to: 8 }], { cuts: [killed('w', 3)] })],
    ],
  },
  {
    promise: noEarlyRetry,
    broken: [
      ['a second attempt before the first backoff', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }, { sequence: 1, attempt: 2, from: 90, to: 95 }]), /85 ms after a failure that asks for 100 ms/],
      ['a third attempt that waits like a second', historyOf([{ sequence: 1, attempt: 2, from: 0, to: 5, outcome: 'retry' }, { sequence: 1, attempt: 3, from: 110, to: 115 }]), /asks for 200 ms/],
    ],
    kept: [
      ['attempts as late as they may', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }, { sequence: 1, attempt: 2, from: 105, to: 110, outcome: 'retry' }, { sequence: 1, attempt: 3, from: 311, to: 315 }])],
      ['a repeated attempt, which waits for nothing', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 1, from: 6, to: 8 }])],
    ],
  },
  {
    promise: deadLetterFidelity,
    broken: [
      ['changed bytes', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { copy: { key: 'a2V5', value: 'dmFsdWU' } })] }), /not the bytes of its origin/],
      ['another entity', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { copy: { key: null, value: 'dmFsdWU=' } })] }), /its entity is none, and a2V5/],
      ['an origin that is not there', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { origin: null })] }), /no record of the main topic/],
      ['the time of another record', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { originTimestampMs: 8 })] }), /timestamp/],
      ['no first failure', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { firstFailure: null })] }), /what failed first/],
      ['a wrong number of attempts', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { attempts: 2 })] }), /dead after 2 attempts; the witness saw dead or permanent after 1/],
      ['a wrong reason', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1, { reason: 'attempts' })] }), /says attempts/],
      ['a good job', historyOf([{ sequence: 1, from: 0, to: 5 }], { buried: [buriedCopy(1)] }), /no attempt ended so/],
    ],
    kept: [
      ['a faithful copy, also where a kill doubled it', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { buried: [buriedCopy(1), buriedCopy(1)] })],
      ['a copy of a job whose attempts ran out', historyOf([{ sequence: 1, attempt: 3, from: 0, to: 5, outcome: 'retry' }], { buried: [buriedCopy(1, { attempts: 3, reason: 'attempts' })] })],
    ],
  },
  {
    promise: commitsBehindSettled,
    broken: [
      ['a commit past a job in flight', historyOf([{ sequence: 1, from: 0, to: 5 }], { commits: [sight(2, 1)] }), /sight 1: e#1 .* neither finished nor waiting/],
      ['a commit past a job that failed and does not wait', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }], { commits: [sight(2, 3)] }), /e#1/],
      ['a commit past a buried job that is to be held and does not wait', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { policy: hold, commits: [sight(2, 3)] }), /e#1/],
      ['a bit for a job in flight', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 3, from: 6, to: 8 }], { commits: [sight(1, 4, { above: [3] })] }), /e#3/],
    ],
    kept: [
      ['a commit past what is done', historyOf([{ sequence: 1, from: 0, to: 5 }], { commits: [sight(2, 3)] })],
      ['a commit past what waits', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'retry' }], { commits: [sight(2, 3, { waited: [1] })] })],
      ['a commit past a held job, which waits', historyOf([{ sequence: 1, from: 0, to: 5, outcome: 'dead' }], { policy: hold, commits: [sight(2, 3, { waited: [1] })] })],
      ['a commit at a job in flight', historyOf([{ sequence: 1, from: 0, to: 5 }], { commits: [sight(1, 1)] })],
    ],
  },
  {
    promise: atMostOnce,
    broken: [['a job that a kill repeats', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 1, from: 6, to: 8 }], { cuts: [killed('w', 3)] }), /e#1 .* ran twice/], ['a job that runs after a later one', historyOf([{ sequence: 2, from: 0, to: 5 }, { sequence: 1, from: 6, to: 8 }]), /e#1 .* ran after job #2/]],
    kept: [['jobs that ran once', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 2, from: 6, to: 8 }])]],
  },
  {
    promise: boundedLoss,
    broken: [
      ['a job that ended nowhere, without a kill', historyOf([{ sequence: 1, from: 0, to: null }]), /e lost #1 in 0 kills/],
      ['two jobs of one entity in one kill', historyOf([{ sequence: 1, from: 0, to: null }], { alsoAccepted: [2], cuts: [killed('w', 3)] }), /e lost #1, #2 in 1 kills/],
    ],
    kept: [['a job that a stop did not let begin, and buried', historyOf([{ sequence: 1, from: 0, to: 5 }], { alsoAccepted: [2], buried: [buriedCopy(2)] })], ['the job that an entity was at when its worker was killed', historyOf([{ sequence: 1, from: 0, to: null }, { sequence: 2, from: 6, to: 8 }], { cuts: [killed('w', 3)] })]],
  },
  {
    promise: risingFence,
    broken: [
      ['an old owner that acts after the new one', historyOf([{ sequence: 1, worker: 'v', fence: 2, from: 0, to: 5 }, { sequence: 2, from: 6, to: 8 }]), /w acts with fence 1 after v with 2/],
      ['two owners with one fence', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, worker: 'v', from: 6, to: 8 }]), /the same fence 1/],
      ['a new owner whose fence is no higher than that of a frozen one', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, worker: 'v', from: 6, to: 8 }], { cuts: [frozen('w', 5)] }), /the same fence 1/],
    ],
    kept: [
      ['a hand-over', historyOf([{ sequence: 1, from: 0, to: 5 }, { sequence: 2, worker: 'v', fence: 2, from: 6, to: 8 }])],
      ['a frozen worker that woke', historyOf([{ sequence: 1, worker: 'v', fence: 2, from: 0, to: 5 }, { sequence: 2, from: 6, to: 8 }], { cuts: [frozen('w', 0)] })],
    ],
  },
];

describe.each(cases)('$promise.name', ({ promise, broken, kept }) => {
  test.each([...broken])('finds %s', (_, history, expected) => {
    expect(findViolations({ held: [promise], givenUp: [] }, history).join('\n')).toMatch(expected);
  });
  test.each([...kept])('allows %s', (_, history) => {
    expect(promise.check(history)).toEqual([]);
  });
});

test('a fenced sink does not see what a zombie did after the new owner acted', () => {
  const history = historyOf([{ sequence: 1, from: 0, to: 9 }, { sequence: 1, worker: 'v', fence: 2, from: 4, to: 8 }]);
  expect(seenByFencedSink(history.lines).map(({ worker, type }) => `${worker} ${type}`)).toEqual(['w start', 'v start', 'v effect', 'v end']);
});

test('many violations of one promise are cut short, and counted', () => {
  const history = historyOf([], { alsoAccepted: [1, 2, 3, 4] });
  expect(findViolations({ held: [nothingLost], givenUp: [] }, history, 2)).toHaveLength(3);
});
