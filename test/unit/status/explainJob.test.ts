import { describe, expect, it } from 'vitest';
import { explainJob, type CauseCode, type ExplainInputs } from '../../../shared/status/explainJob.ts';
import type { JobView } from '../../../shared/status/jobView.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const at = (ms: number): string => new Date(NOW + ms).toISOString();
const job: JobView = {
  id: 'j', queue: 'orders', kind: 'order.charge', key: 'ada', state: 'waiting', reason: null, due: null, attempts: 0, createdAt: at(-9000), enqueuedAt: at(-9000), startedAt: null, finishedAt: null,
  changedAt: at(-5000), worker: 'w1', error: null, progress: null, note: null, result: null, source: null, payload: null, payloadFlaw: null, duplicate: false, duplicates: 0, tags: [], at: 'orders/0/7',
};
const worker = (clientId: string, partitions: readonly number[], kinds: readonly string[] | null = ['order.charge']) => ({ clientId, partitions, kinds });
const inputs = (change: Partial<JobView>, more: Partial<ExplainInputs> = {}): ExplainInputs => ({
  job: { ...job, ...change }, nowMs: NOW, ahead: { count: 0, first: [] }, unreadBefore: 0, workers: [worker('w1', [0, 1])], pauses: [], partition: 0, statusBehind: 0, ...more,
});
const error = { code: 'TIMEOUT', message: 'too late', fingerprint: 'f' };
const ahead = { count: 2, first: [{ id: 'head', state: 'dead', reason: 'held', due: null }] };

describe('the explanation of a job', () => {
  const table: readonly [given: ExplainInputs, codes: readonly CauseCode[], text: RegExp][] = [
    [inputs({ state: 'done', finishedAt: at(-1) }), ['finished'], /It is done since/],
    [inputs({ state: 'dead', reason: 'held', error }), ['held'], /buried \(TIMEOUT: too late\).*later jobs of the key "ada" wait/],
    [inputs({ state: 'running', attempts: 2 }), ['running'], /attempt 2 on worker w1/],
    [inputs({ reason: 'retry', attempts: 3, due: at(7_200_000), error }), ['retry'], /Attempt 3 failed \(TIMEOUT: too late\).*in 2 h/],
    [inputs({ reason: 'retry', attempts: 3, due: at(-60_000) }), ['retry'], /it was due 1 min ago/],
    [inputs({ reason: 'behind' }, { ahead }), ['behind'], /2 jobs of the key "ada" are before it; the first, head, is dead \(held\), and holds the lane until it is redriven or discarded\.$/],
    [inputs({ reason: 'snoozed', due: at(500) }, { ahead }), ['snoozed', 'behind'], /put it off until .* in 500 ms/],
    [inputs({ reason: 'paused' }), ['paused'], /was paused when its owner last looked/],
    [inputs({ reason: 'paused' }, { pauses: [{ what: 'queue', since: at(-1000) }] }), ['paused'], /The queue orders is paused since 2026/],
    [inputs({ state: 'queued' }, { pauses: [{ what: 'kind', since: at(-1000) }, { what: 'key', since: at(-900) }] }), ['paused', 'paused'], /The kind "order.charge" is paused since/],
    [inputs({ state: 'running' }, { pauses: [{ what: 'queue', since: at(-1000) }] }), ['running'], /It is running/],
    [inputs({ reason: 'unknown-kind', due: at(2000) }, { workers: [worker('w1', [0], ['mail.send']), worker('w2', [1], [])] }), ['unknown-kind', 'no-worker-knows-kind'], /did not know the kind/],
    [inputs({ state: 'queued' }, { workers: [worker('w1', [0], ['mail.send'])] }), ['no-worker-knows-kind'], /None of the 1 workers of the queue knows the kind "order.charge"/],
    [inputs({ state: 'queued' }, { workers: [worker('w1', [0], ['mail.send']), worker('w2', [1])] }), ['owner-lacks-kind'], /1 of the 2 workers do/],
    [inputs({ state: 'queued' }, { workers: [worker('w1', [0], null), worker('w2', [1], [])] }), ['about-to-run'], /slots/],
    [inputs({ reason: 'locked' }), ['locked'], /lock/],
    [inputs({ reason: 'claim-missing', due: at(2000), error }), ['claim-missing'], /not in the store \(TIMEOUT: too late\).* in 2 s/],
    [inputs({ reason: 'dependency-down', due: at(2000), error }), ['dependency-down'], /is down \(TIMEOUT: too late\).* in 2 s/],
    [inputs({ reason: 'unknown-kind', due: at(2000) }), ['unknown-kind'], /did not know the kind "order.charge".* in 2 s/],
    [inputs({ reason: 'moonlight' }), ['waiting'], /It waits \(moonlight\)/],
    [inputs({ state: 'scheduled', due: at(86_400_000) }), ['scheduled'], /in 1 d/],
    [inputs({ state: 'dead', reason: 'dead', error }), ['finished'], /It is dead \(TIMEOUT: too late\) since 2026/],
    [inputs({ state: 'dead', reason: 'exhausted', error }), ['finished'], /It is dead \(exhausted\) \(TIMEOUT: too late\) since/],
    [inputs({ state: 'cancelled', reason: 'cancelled' }), ['finished'], /It is cancelled since/],
    [inputs({ state: 'queued' }, { unreadBefore: 1 }), ['not-read-yet'], /it is the next of its partition/],
    [inputs({ state: 'queued' }, { unreadBefore: 2 }), ['not-read-yet'], /one job of its partition is before it/],
    [inputs({ state: 'queued' }, { unreadBefore: 5 }), ['not-read-yet'], /4 jobs of its partition are before it/],
    [inputs({ state: 'queued' }, { workers: [] }), ['no-workers'], /No worker runs for the queue orders/],
    [inputs({ state: 'queued' }, { workers: [worker('w', [1])] }), ['partition-unowned'], /None of the 1 workers owns its partition/],
    [inputs({ state: 'queued' }, { workers: null, unreadBefore: null, statusBehind: null }), ['about-to-run'], /as soon as one of its slots is free/],
    [inputs({ state: 'queued' }, { statusBehind: 9 }), ['about-to-run', 'status-behind'], /slots is free/],
  ];
  it.each(table)('%#: %o', (given, codes, text) => {
    const { summary, causes } = explainJob(given);
    expect(causes.map(({ code }) => code)).toEqual(codes);
    expect(summary).toMatch(text);
  });
});
