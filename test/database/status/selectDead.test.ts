import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BuriedJob } from '../../../shared/commands/buried.ts';
import { pick, type DeadSelection } from '../../../shared/commands/deadSelection.ts';
import { fingerprintOf } from '../../../shared/jobs/fingerprint.ts';
import { buriedRecord } from '../../../shared/kafka/envelope.ts';
import type { FetchedRecord } from '../../../shared/kafka/port.ts';
import { applyChunks } from '../../../shared/status/applyChunks.ts';
import { groupDead, selectDead } from '../../../shared/status/selectDead.ts';
import { addTag } from '../../../shared/status/tags.ts';
import { databaseKinds } from '../../postgres/createDatabase.ts';
import { START_MS } from './recordsOfJobs.ts';
import { useStatusTables } from './useStatusTables.ts';

const kinds = ['order.charge', 'mail.send'];
const errors = [{ code: 'TIMEOUT', message: 'no answer in 3 s' }, { code: 'TIMEOUT', message: 'the line is dead' }, { code: 'REFUSED', message: 'no' }];
const keys = ['ada', 'bob', 'it\'s'];
const tags = ['bank', 'later'];

const dead: readonly BuriedJob[] = Array.from({ length: 18 }, (_, offset) => {
  const error = errors[offset % 3];
  return {
    id: `job-${offset}`, kind: kinds[offset % 2] ?? '', key: keys[Math.floor(offset / 2) % 3] ?? '', partition: 0, offset, deadLetterOffset: offset, attempts: 1, reason: 'dead',
    message: error?.message ?? '', code: error?.code ?? '', fingerprint: fingerprintOf(error?.code ?? '', error?.message ?? ''), buriedAt: new Date(START_MS + offset * 1000),
  };
});
const tagsOf = ({ offset }: BuriedJob): ReadonlySet<string> => new Set(tags.filter((_, index) => offset % (3 + index) === 0));

/** What requests and programs say of dead jobs is asked of the tables, and of dead letters: both must mean the same. */
describe.each(databaseKinds)('a selection of dead jobs (%s)', (kind) => {
  const given = useStatusTables(kind);

  const letter = ({ offset, id, kind: of, key, code, message, buriedAt }: BuriedJob): FetchedRecord => {
    const { value, headers } = buriedRecord(
      { id, kind: of, origin: { topic: 'q', partition: 0, offset, timestampMs: START_MS }, key: Buffer.from(key ?? ''), value: null, headers: undefined },
      { attempt: 1, reason: 'dead', failure: { code: code ?? '', name: 'Error', message: message ?? '', at: START_MS }, firstFailure: null },
    );
    return { offset, timestampMs: buriedAt.getTime(), key: Buffer.from(id), value, headers };
  };

  it('means the same in the tables as of dead letters', async () => {
    await applyChunks(given.db, 'q', [
      { stream: 'main', partition: 0, after: -1, nextOffset: 20, records: [...dead, null, null].map((job, offset) => given.maker.main(offset, job === null ? {} : { kind: job.kind ?? '', key: job.key ?? '' })) },
      // The last two are not dead.
      { stream: 'events', partition: 0, after: -1, nextOffset: 1, records: [given.maker.events(0, dead.map(({ offset, kind: of, code, message }) => ({ type: 'buried', offset, kind: of ?? '', detail: { reason: 'dead', error: { code: code ?? '', message: message ?? '' } } })))] },
      { stream: 'dlq', partition: 0, after: -1, nextOffset: 18, records: dead.map(letter) },
    ], given.maker.reader);
    for (const job of dead) for (const tag of tagsOf(job)) await addTag(given.db, { queue: 'q', partition: 0, place: job.offset, id: job.id }, tag, START_MS);

    const some = (texts: readonly string[]) => fc.uniqueArray(fc.constantFrom(...texts), { minLength: 1 });
    const when = fc.nat(20).map((n) => new Date(START_MS + n * 1000));
    const selections: fc.Arbitrary<DeadSelection> = fc.record({
      ids: some(dead.map(({ id }) => id)), kind: fc.constantFrom(...kinds, 'none'), errorCode: fc.constantFrom('TIMEOUT', 'REFUSED'), fingerprint: fc.constantFrom(...dead.map(({ fingerprint }) => fingerprint ?? '')),
      from: when, to: when, keys: some([...keys, 'nobody']), tags: some([...tags, 'none']),
    }, { requiredKeys: [] });
    for (const selection of [{}, ...fc.sample(selections, 60)]) {
      const meant = pick(dead.map((shown) => ({ shown })), selection, tagsOf).map(({ shown }) => shown);
      expect((await selectDead(given.db, 'q', selection, 100)).map(({ deadLetterOffset }) => deadLetterOffset), JSON.stringify(selection)).toEqual(meant.map(({ deadLetterOffset }) => deadLetterOffset));
      expect((await groupDead(given.db, 'q', selection)).reduce((sum, { jobs }) => sum + jobs, 0)).toBe(meant.length);
    }
    expect((await selectDead(given.db, 'q', { kind: 'mail.send' }, 2)).map(({ offset }) => offset)).toEqual([1, 3]);
    expect(await groupDead(given.db, 'q', { kind: 'mail.send' })).toMatchObject([{ errorCode: 'REFUSED', jobs: 3 }, { jobs: 3 }, { jobs: 3 }]);
  });
});
